"""A scripted signing provider: a request stays `sent` until a test plays what the recipients do."""

from typing import Any, Final

from craftkit_async.emulator.environment import Environment
from craftkit_async.emulator.http.answers import Issues, Refusal
from craftkit_async.emulator.storage.records import Signature
from craftkit_async.emulator.storage.times import to_iso
from craftkit_async.emulator.webhooks.outbox import Outbox

FINAL: Final = frozenset({"completed", "declined", "expired", "cancelled", "failed"})
STEPS: Final = ("viewed", "signed", "declined", "expired", "completed", "failed", "archived")
_ARCHIVING: Final = 1000  # milliseconds from completion to the archived file


class SigningProvider:
    """Changes the status of signature requests and notifies subscribers."""

    def __init__(self, environment: Environment, outbox: Outbox) -> None:
        self._state, self._clock, self._schedule = environment.state, environment.clock, environment.schedule
        self._outbox = outbox

    def open(self) -> None:
        """Schedule the archiving of requests that an earlier process completed but did not archive."""
        for request in self._state.signatures:
            if request.status == "completed" and not request.archived:
                self._schedule.at((request.completed or 0) + _ARCHIVING, self._archive, request)

    def send(self, request: Signature) -> None:
        """Send a new request to its recipients."""
        self._state.signatures.put(request)
        named = ("firstName", "lastName", "email", "order")
        recipients = [{name: each[name] for name in named} for each in request.recipients]
        self._notify(request, "sent", name=request.name, recipients=recipients)

    def cancel(self, request: Signature, reason: str | None) -> None:
        """Cancel an open request."""
        self._check_open(request)
        request.status, request.error = "cancelled", reason
        self._state.signatures.put(request)
        self._notify(request, "cancelled", reason=reason)

    def play(self, request: Signature, step: str, recipient: int | None, reason: str | None) -> None:
        """Play one step of a recipient or of the provider."""
        if step == "archived":
            self._archive(request)
            return
        self._check_open(request)
        if step in {"signed", "declined"}:
            self._stamp(request, step, recipient)
        if step != "signed":
            request.status = step
        if step == "failed":
            request.error = reason or "The signing provider failed."
        self._state.signatures.put(request)
        self._notify_and_complete(request, step, reason)

    def _notify_and_complete(self, request: Signature, step: str, reason: str | None) -> None:
        if step == "completed":
            self._complete_request(request)
        elif step != "failed":  # the contract has no event for it
            self._notify(request, step, **({"reason": reason} if step == "declined" else {}))
        if step == "signed" and all(each["signedAt"] for each in request.recipients):
            self._complete_request(request)

    def _stamp(self, request: Signature, step: str, recipient: int | None) -> None:
        unsigned = [index for index, each in enumerate(request.recipients) if not each["signedAt"]]
        index = unsigned[0] if recipient is None else recipient
        if index not in unsigned:
            raise Refusal(409, "conflict", "The recipient does not exist or has already signed.")
        request.recipients[index][f"{step}At"] = to_iso(self._clock.now())

    def _complete_request(self, request: Signature) -> None:
        now = self._clock.now()
        request.status, request.completed = "completed", now
        for each in request.recipients:
            each["signedAt"] = each["signedAt"] or to_iso(now)
        self._state.signatures.put(request)
        self._notify(request, "completed")
        self._schedule.at(now + _ARCHIVING, self._archive, request)

    def _archive(self, request: Signature) -> None:
        if request.status != "completed":
            raise Refusal(409, "conflict", "Only a completed request can be archived.")
        request.archived = True
        self._state.signatures.put(request)

    def _check_open(self, request: Signature) -> None:
        if request.status in FINAL:
            raise Refusal(409, "conflict", f"The request is {request.status}.")

    def _notify(self, request: Signature, step: str, **extra: Any) -> None:
        event = f"signature.{step}"
        body = {
            "event": event,
            "signatureRequestId": request.id,
            "renderId": request.render_id,
            "status": request.status,
            **extra,
        }
        self._outbox.emit(request.project_id, body, request.id)


def check_recipients(body: dict[str, Any]) -> None:
    """Check what the schema cannot express: orders are 1..N, and every signer has a field or an anchor tag."""
    recipients = body["recipients"]
    orders = [each.get("order") for each in recipients]
    problems: dict[str, list[str]] = {}
    if any(order is not None for order in orders) and not _is_sequence(orders):
        problems["recipients"] = [f"Orders must be exactly 1..{len(recipients)}"]
    signs = any(each.get("designation", "Signer") == "Signer" for each in recipients)
    if signs and not body.get("fields") and not body.get("anchorTags"):
        problems["fields"] = ["A Signer needs at least one field or anchor tag"]
    for number, tag in enumerate(body.get("anchorTags", ())):
        if tag.get("recipientIndex", 0) >= len(recipients):
            problems[f"anchorTags.{number}.recipientIndex"] = ["No such recipient"]
    if problems:
        raise Refusal(400, "invalid_request", "The request is inconsistent.", Issues(fields=problems))


def _is_sequence(orders: list[Any]) -> bool:
    return sorted(order or 0 for order in orders) == list(range(1, len(orders) + 1))
