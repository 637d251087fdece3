"""Control routes, with which tests inspect and change the emulator's state; see `docs/emulator.md`."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs
from attrs import asdict

from craftkit_async.emulator.calls import read_json
from craftkit_async.emulator.dashboard import check_subscription, check_template
from craftkit_async.emulator.faults.grammar import FaultSpecError
from craftkit_async.emulator.http.answers import Answer, Issues, Refusal
from craftkit_async.emulator.request_pipeline import RequestPipeline
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.settings import MAX_SKIP
from craftkit_async.emulator.signing_provider import STEPS
from craftkit_async.emulator.storage.records import Delivery, Project
from craftkit_async.emulator.storage.times import to_iso


@attrs.frozen
class ControlRequest:
    """One call of a control route, with the path parameters and the parsed body."""

    service: Service
    pipeline: RequestPipeline
    path: Mapping[str, str]
    body: Mapping[str, Any]


Control = Callable[[ControlRequest], Answer]


def show_state(request: ControlRequest) -> Answer:
    """Show the projects with their hooks, the subscriptions, and the number of records of each kind."""
    statuses = dict.fromkeys(("queued", "rendering", "succeeded", "failed"), 0)
    for render in request.service.state.renders:
        statuses[render.status] += 1
    body = {
        "now": to_iso(request.service.clock.now()),
        "projects": request.service.describe_projects(),
        "counts": request.service.state.count() | {"requests": len(request.pipeline.requests)},
        "renders": statuses,
        "subscriptions": [asdict(each, filter=_is_shown) for each in request.service.state.subscriptions],
        "mails": [asdict(each) for each in request.service.state.mails],
        "faults": str(request.service.faults),
    }
    return Answer(200, body)


def show_requests(request: ControlRequest) -> Answer:
    """Show the latest requests, oldest first."""
    return Answer(200, {"requests": [each.to_json() for each in list(request.pipeline.requests)]})


def show_deliveries(request: ControlRequest) -> Answer:
    """Show the delivery log, oldest first."""
    return Answer(200, {"deliveries": [describe_delivery(each) for each in request.service.state.deliveries]})


def redeliver(request: ControlRequest) -> Answer:
    """Send a delivery again, with the same id."""
    delivery = request.service.state.deliveries.get(request.path["id"])
    if delivery is None:
        raise Refusal(404, "not_found", "No such delivery.")
    request.service.outbox.redeliver(delivery)
    return Answer(202, describe_delivery(delivery))


def show_faults(request: ControlRequest) -> Answer:
    """Show the active faults."""
    return Answer(200, {"spec": str(request.service.faults)})


def set_faults(request: ControlRequest) -> Answer:
    """Replace the active faults."""
    try:
        request.service.faults.set(_require(request.body, "spec", str))
    except FaultSpecError as error:
        raise _make_refusal("spec", str(error)) from None
    return Answer(200, {"spec": str(request.service.faults)})


def clear_faults(request: ControlRequest) -> Answer:
    """Remove all faults."""
    request.service.faults.clear()
    return Answer(200, {"spec": ""})


def move_clock(request: ControlRequest) -> Answer:
    """Advance the clock and run what has become due."""
    seconds = float(_require(request.body, "advance", (int, float)))
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SKIP - request.service.clock.skipped:
        raise _make_refusal("advance", "Expected seconds, at most ten years in total")
    request.service.skip(seconds)
    return Answer(200, {"now": to_iso(request.service.clock.now())})


def make_template(request: ControlRequest) -> Answer:
    """Create a template as the dashboard does."""
    try:
        template = request.service.templates.add(
            _find_target_project(request.service, request.body).id, check_template(request.body)
        )
    except ValueError as error:
        raise _make_refusal("template", str(error)) from None
    names = ("id", "slug", "hook_token", "hook_secret")
    return Answer(201, asdict(template, filter=lambda attribute, _: attribute.name in names))


def subscribe(request: ControlRequest) -> Answer:
    """Create a webhook subscription as the dashboard does."""
    try:
        row = request.service.subscribe(**check_subscription(request.body))
    except ValueError as error:
        raise _make_refusal("subscription", str(error)) from None
    return Answer(201, asdict(row, filter=_is_shown))


def unsubscribe(request: ControlRequest) -> Answer:
    """Remove a webhook subscription."""
    row = request.service.state.subscriptions.get(request.path["id"])
    if row is None:
        raise Refusal(404, "not_found", "No such subscription.")
    request.service.state.subscriptions.remove(row)
    return Answer(200, {"id": row.id})


def play_signature(request: ControlRequest) -> Answer:
    """Play a step of a recipient or of the signing provider."""
    signature = request.service.state.signatures.get(request.path["id"])
    step = request.path["step"]
    if signature is None or step not in STEPS:
        raise Refusal(404, "not_found", f"Unknown signature request or step; known steps: {', '.join(STEPS)}.")
    recipient = _require(request.body, "recipient", int) if "recipient" in request.body else None
    reason = _require(request.body, "reason", str) if "reason" in request.body else None
    request.service.provider.play(signature, step, recipient, reason)
    return Answer(200, {"id": signature.id, "status": signature.status, "archived": signature.archived})


def reset(request: ControlRequest) -> Answer:
    """Return to the initial state and clear the request log."""
    request.service.reset()
    request.pipeline.requests.clear()
    return Answer(200, {"reset": True})


def describe_delivery(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as a log entry, without the secret."""
    times = {"createdAt": to_iso(delivery.created)}
    return asdict(delivery, filter=lambda attribute, _: attribute.name not in {"secret", "created", "next"}) | times


def parse_body(body: bytes) -> dict[str, Any]:
    """Parse the body of a control call: an object or empty."""
    value = read_json(body) if body else {}
    if not isinstance(value, dict):
        raise _make_refusal("body", "Expected an object")
    return value


def _is_shown(attribute: Any, _: Any) -> bool:
    return bool(attribute.name != "secret")


def _require(body: Mapping[str, Any], name: str, kinds: Any) -> Any:
    value = body.get(name)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise _make_refusal(name, "Missing or of the wrong type")
    return value


def _find_target_project(service: Service, body: Mapping[str, Any]) -> Project:
    if "projectId" not in body:
        return next(iter(service.state.projects))  # the local project is the first
    project = service.state.projects.get(str(body["projectId"]))
    if project is None:
        raise _make_refusal("projectId", "No such project")
    return project


def _make_refusal(name: str, reason: str) -> Refusal:
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
