"""The emulator's own routes: what tests look at and turn; `docs/emulator.md` describes them."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

from aiohttp import web
from attrs import asdict

from craftkit_async.emulator.calls import read_json
from craftkit_async.emulator.dashboard import check_subscription, check_template
from craftkit_async.emulator.faults.grammar import FaultSpecError
from craftkit_async.emulator.http.answers import Answer, Issues, Refusal
from craftkit_async.emulator.request_pipeline import Desk
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.settings import MAX_SKIP
from craftkit_async.emulator.signing_provider import STEPS
from craftkit_async.emulator.storage.records import Delivery, Project
from craftkit_async.emulator.storage.times import to_iso

Control = Callable[[Service, Desk, web.Request, Any], Answer]


def show_state(service: Service, desk: Desk, _: web.Request, __: Any) -> Answer:
    """Show the projects with their hooks, and counts of everything."""
    statuses = dict.fromkeys(("queued", "rendering", "succeeded", "failed"), 0)
    for render in service.state.renders:
        statuses[render.status] += 1
    body = {
        "now": to_iso(service.clock.now()),
        "projects": service.describe_projects(),
        "counts": service.state.count() | {"requests": len(desk.requests)},
        "renders": statuses,
        "subscriptions": [asdict(each, filter=_is_shown) for each in service.state.subscriptions],
        "mails": [asdict(each) for each in service.state.mails],
        "faults": str(service.faults),
    }
    return Answer(200, body)


def show_requests(_: Service, desk: Desk, __: web.Request, ___: Any) -> Answer:
    """Show the latest requests, oldest first."""
    return Answer(200, {"requests": [each.to_json() for each in list(desk.requests)]})


def show_deliveries(service: Service, _: Desk, __: web.Request, ___: Any) -> Answer:
    """Show the delivery log, oldest first."""
    return Answer(200, {"deliveries": [describe_delivery(each) for each in service.state.deliveries]})


def redeliver(service: Service, _: Desk, request: web.Request, __: Any) -> Answer:
    """Send a delivery once more, under the same id."""
    delivery = service.state.deliveries.get(request.match_info["id"])
    if delivery is None:
        raise Refusal(404, "not_found", "No such delivery.")
    service.outbox.redeliver(delivery)
    return Answer(202, describe_delivery(delivery))


def show_faults(service: Service, _: Desk, __: web.Request, ___: Any) -> Answer:
    """Show the faults in force."""
    return Answer(200, {"spec": str(service.faults)})


def set_faults(service: Service, _: Desk, __: web.Request, body: Any) -> Answer:
    """Put faults in force."""
    try:
        service.faults.set(_need(body, "spec", str))
    except FaultSpecError as error:
        raise _refuse("spec", str(error)) from None
    return Answer(200, {"spec": str(service.faults)})


def clear_faults(service: Service, _: Desk, __: web.Request, ___: Any) -> Answer:
    """Let everything go well."""
    service.faults.clear()
    return Answer(200, {"spec": ""})


def move_clock(service: Service, _: Desk, __: web.Request, body: Any) -> Answer:
    """Let time pass, and do what has become due."""
    seconds = float(_need(body, "advance", (int, float)))
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SKIP - service.clock.skipped:
        raise _refuse("advance", "Expected seconds, ten years at most")
    service.skip(seconds)
    return Answer(200, {"now": to_iso(service.clock.now())})


def make_template(service: Service, _: Desk, __: web.Request, body: Any) -> Answer:
    """Make a template as the dashboard does."""
    try:
        template = service.shelf.add(_find_project(service, body).id, check_template(body))
    except ValueError as error:
        raise _refuse("template", str(error)) from None
    names = ("id", "slug", "hook_token", "hook_secret")
    return Answer(201, asdict(template, filter=lambda attribute, _: attribute.name in names))


def subscribe(service: Service, _: Desk, __: web.Request, body: Any) -> Answer:
    """Register a subscriber, as the dashboard does."""
    try:
        row = service.subscribe(**check_subscription(body))
    except ValueError as error:
        raise _refuse("subscription", str(error)) from None
    return Answer(201, asdict(row, filter=_is_shown))


def unsubscribe(service: Service, _: Desk, request: web.Request, __: Any) -> Answer:
    """Remove a subscriber."""
    row = service.state.subscriptions.get(request.match_info["id"])
    if row is None:
        raise Refusal(404, "not_found", "No such subscription.")
    service.state.subscriptions.remove(row)
    return Answer(200, {"id": row.id})


def play_signature(service: Service, _: Desk, request: web.Request, body: Any) -> Answer:
    """Do what a recipient or the signing provider would do."""
    signature = service.state.signatures.get(request.match_info["id"])
    step = request.match_info["step"]
    if signature is None or step not in STEPS:
        raise Refusal(404, "not_found", f"No such request, or no such step; known steps: {', '.join(STEPS)}.")
    recipient = _need(body, "recipient", int) if "recipient" in body else None
    reason = _need(body, "reason", str) if "reason" in body else None
    service.provider.play(signature, step, recipient, reason)
    return Answer(200, {"id": signature.id, "status": signature.status, "archived": signature.archived})


def reset(service: Service, desk: Desk, _: web.Request, __: Any) -> Answer:
    """Start afresh."""
    service.reset()
    desk.requests.clear()
    return Answer(200, {"reset": True})


def describe_delivery(delivery: Delivery) -> dict[str, Any]:
    """Write a delivery for the log; the secret is left out."""
    times = {"createdAt": to_iso(delivery.created)}
    return asdict(delivery, filter=lambda attribute, _: attribute.name not in {"secret", "created", "next"}) | times


def parse_body(body: bytes) -> dict[str, Any]:
    """Read the body of a control call: an object, or nothing."""
    value = read_json(body) if body else {}
    if not isinstance(value, dict):
        raise _refuse("body", "Expected an object")
    return value


def _is_shown(attribute: Any, _: Any) -> bool:
    return bool(attribute.name != "secret")


def _need(body: dict[str, Any], name: str, kinds: Any) -> Any:
    value = body.get(name)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise _refuse(name, "Required, or of the wrong type")
    return value


def _find_project(service: Service, body: dict[str, Any]) -> Project:
    if "projectId" not in body:
        return next(iter(service.state.projects))  # the local one is the first
    project = service.state.projects.get(str(body["projectId"]))
    if project is None:
        raise _refuse("projectId", "No such project")
    return project


def _refuse(name: str, reason: str) -> Refusal:
    return Refusal(400, "invalid_request", f"{name}: {reason}", Issues(fields={name: [reason]}))


ROUTES: Final[Iterable[tuple[str, str, Control]]] = (
    ("GET", "/_emulator/state", show_state),
    ("GET", "/_emulator/requests", show_requests),
    ("GET", "/_emulator/deliveries", show_deliveries),
    ("POST", "/_emulator/deliveries/{id}/redeliver", redeliver),
    ("GET", "/_emulator/faults", show_faults),
    ("PUT", "/_emulator/faults", set_faults),
    ("DELETE", "/_emulator/faults", clear_faults),
    ("POST", "/_emulator/clock", move_clock),
    ("POST", "/_emulator/templates", make_template),
    ("POST", "/_emulator/subscriptions", subscribe),
    ("DELETE", "/_emulator/subscriptions/{id}", unsubscribe),
    ("POST", "/_emulator/signatures/{id}/{step}", play_signature),
    ("POST", "/_emulator/reset", reset),
)
