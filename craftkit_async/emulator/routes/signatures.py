"""Signature requests: made, listed page by page, cancelled, downloaded."""

from typing import Any, Final

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.documents import TINY_PDF
from craftkit_async.emulator.http.answers import Answer, Issues, Refusal
from craftkit_async.emulator.routes.renders import attach
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.signing_provider import check_recipients
from craftkit_async.emulator.storage.identifiers import new_id, new_token
from craftkit_async.emulator.storage.records import Render, Signature
from craftkit_async.emulator.storage.times import from_iso, to_iso, to_iso_or_none

_PAGE: Final = 50
_NAMED_AFTER: Final = 8  # characters of the render id


def list_signatures(service: Service, call: Call) -> Answer:
    """List a page, newest first; the cursor is a moment, compared strictly, as the contract warns."""
    query = call.query()
    limit, before = query.get("limit", _PAGE), _read_cursor(call, query.get("cursor"))
    wanted = query.get("renderId")
    rows = [
        each
        for each in reversed(service.state.signatures_of.all(call.project.id))
        if (wanted is None or each.render_id == wanted.lower()) and (before is None or each.created < before)
    ][:limit]
    body = {
        "signatures": [_describe(service, each) | {"recipients": []} for each in rows],
        "nextCursor": to_iso(rows[-1].created) if rows else None,
        "hasMore": len(rows) == limit,
    }
    return Answer(200, body)


def create_signature(service: Service, call: Call) -> Answer:
    """Send a render out for signing, or answer with the request that this key made before."""
    body = call.json()
    key = call.header("Idempotency-Key")
    if key and (known := service.state.signature_by_key.newest((call.project.id, key))):
        return Answer(200, _describe(service, known))
    check_recipients(body)
    request = _make(service, _find_render(service, call, body["renderId"]), body, key)
    service.provider.send(request)
    return Answer(201, _describe(service, request))


def get_signature(service: Service, call: Call) -> Answer:
    """Show a request."""
    return Answer(200, _describe(service, _find(service, call)))


def cancel_signature(service: Service, call: Call) -> Answer:
    """Cancel a request that has not ended; the reason becomes its error message."""
    body = call.json()
    request = _find(service, call)
    service.provider.cancel(request, body.get("reason"))
    return Answer(200, _describe(service, request) | {"recipients": []})


def download_signature(service: Service, call: Call) -> Answer:
    """Give the signed PDF once it is archived."""
    request = _find_archived(service, call)
    return attach(service.rendering.read_pdf(service.state.renders[request.render_id]), f"{request.id}-signed.pdf")


def download_signature_certificate(service: Service, call: Call) -> Answer:
    """Give the audit trail once the request is archived."""
    return attach(TINY_PDF, f"{_find_archived(service, call).id}-certificate.pdf")


def _read_cursor(call: Call, text: str | None) -> int | None:
    try:
        return None if text is None else from_iso(text)
    except (ValueError, OverflowError):
        raise call.invalid(Issues(fields={"cursor": ["Invalid"]})) from None


def _find(service: Service, call: Call) -> Signature:
    request = service.state.signatures.get(call.path["id"])
    if request is None or request.project_id != call.project.id:
        raise Refusal(404, "not_found", "No such signature request in this project.")
    return request


def _find_archived(service: Service, call: Call) -> Signature:
    request = _find(service, call)
    if not request.archived:
        raise Refusal(409, "conflict", "The signed file is not there yet.")
    return request


def _find_render(service: Service, call: Call, id: str) -> Render:
    render = service.state.renders.get(id.lower())
    if render is None or render.project_id != call.project.id:
        raise Refusal(404, "not_found", "No such render in this project.")
    if render.status != "succeeded":
        raise Refusal(409, "not_ready", "The render has not succeeded.")
    return render


def _make(service: Service, render: Render, body: dict[str, Any], key: str | None) -> Signature:
    now, hours = service.clock.now(), body.get("expirationHours")
    return Signature(
        id=new_id(now),
        project_id=render.project_id,
        render_id=render.id,
        name=body.get("name") or f"Render {render.id[:_NAMED_AFTER]}",
        recipients=[_make_recipient(each) for each in body["recipients"]],
        created=now,
        expiration_hours=None if hours is None else round(hours),
        idempotency_key=key or None,
    )


def _make_recipient(sent: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new_token("rcp_", 6),
        "firstName": sent["firstName"],
        "lastName": sent.get("lastName"),
        "email": sent["email"],
        "designation": sent.get("designation", "Signer"),
        "order": sent.get("order"),
        "signedAt": None,
        "declinedAt": None,
    }


def _describe(service: Service, request: Signature) -> dict[str, Any]:
    address = f"{service.base_url}/v1/signatures/{request.id}"
    return {
        "id": request.id,
        "renderId": request.render_id,
        "name": request.name,
        "status": request.status,
        "recipients": request.recipients,
        "expirationHours": request.expiration_hours,
        "signedDownloadUrl": f"{address}/download" if request.archived else None,
        "certificateUrl": f"{address}/certificate" if request.archived else None,
        "errorMessage": request.error,
        "createdAt": to_iso(request.created),
        "completedAt": to_iso_or_none(request.completed),
    }


HANDLERS = {
    "list_signatures": list_signatures,
    "create_signature": create_signature,
    "get_signature": get_signature,
    "cancel_signature": cancel_signature,
    "download_signature": download_signature,
    "download_signature_certificate": download_signature_certificate,
}
