"""Signature operations: create, list, cancel and download signature requests."""

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

_DEFAULT_LIMIT: Final = 50
_ID_PREFIX: Final = 8  # characters of the render id in the default name


def list_signatures(service: Service, call: Call) -> Answer:
    """List one page, newest first; the cursor is a time, compared strictly, as the contract documents."""
    query = call.query()
    limit, before = query.get("limit", _DEFAULT_LIMIT), _read_cursor(call, query.get("cursor"))
    wanted = query.get("renderId")
    rows = [
        each
        for each in reversed(service.state.signatures_of.all(call.project.id))
        if (wanted is None or each.render_id == wanted.lower()) and (before is None or each.created < before)
    ][:limit]
    body = {
        "signatures": [_describe_signature(service, each) | {"recipients": []} for each in rows],
        "nextCursor": to_iso(rows[-1].created) if rows else None,
        "hasMore": len(rows) == limit,
    }
    return Answer(200, body)


def create_signature(service: Service, call: Call) -> Answer:
    """Send a render for signing, or return the earlier request with this idempotency key."""
    body = call.json()
    key = call.header("Idempotency-Key")
    if key and (known := service.state.signature_by_key.newest((call.project.id, key))):
        return Answer(200, _describe_signature(service, known))
    check_recipients(body)
    request = _create_request(service, _find_succeeded_render(service, call, body["renderId"]), body, key)
    service.provider.send(request)
    return Answer(201, _describe_signature(service, request))


def get_signature(service: Service, call: Call) -> Answer:
    """Return a signature request."""
    return Answer(200, _describe_signature(service, _find_signature(service, call)))


def cancel_signature(service: Service, call: Call) -> Answer:
    """Cancel an open request; the reason becomes its error message."""
    body = call.json()
    request = _find_signature(service, call)
    service.provider.cancel(request, body.get("reason"))
    return Answer(200, _describe_signature(service, request) | {"recipients": []})


def download_signature(service: Service, call: Call) -> Answer:
    """Return the signed PDF of an archived request."""
    request = _find_archived_signature(service, call)
    return attach(service.rendering.read_pdf(service.state.renders[request.render_id]), f"{request.id}-signed.pdf")


def download_signature_certificate(service: Service, call: Call) -> Answer:
    """Return the audit trail of an archived request."""
    return attach(TINY_PDF, f"{_find_archived_signature(service, call).id}-certificate.pdf")


def _read_cursor(call: Call, text: str | None) -> int | None:
    try:
        return None if text is None else from_iso(text)
    except (ValueError, OverflowError):
        raise call.invalid(Issues(fields={"cursor": ["Invalid"]})) from None


def _find_signature(service: Service, call: Call) -> Signature:
    request = service.state.signatures.get(call.path["id"])
    if request is None or request.project_id != call.project.id:
        raise Refusal(404, "not_found", "No such signature request in this project.")
    return request


def _find_archived_signature(service: Service, call: Call) -> Signature:
    request = _find_signature(service, call)
    if not request.archived:
        raise Refusal(409, "conflict", "The signed file is not archived yet.")
    return request


def _find_succeeded_render(service: Service, call: Call, id: str) -> Render:
    render = service.state.renders.get(id.lower())
    if render is None or render.project_id != call.project.id:
        raise Refusal(404, "not_found", "No such render in this project.")
    if render.status != "succeeded":
        raise Refusal(409, "not_ready", "The render has not succeeded.")
    return render


def _create_request(service: Service, render: Render, body: dict[str, Any], key: str | None) -> Signature:
    now, hours = service.clock.now(), body.get("expirationHours")
    return Signature(
        id=new_id(now),
        project_id=render.project_id,
        render_id=render.id,
        name=body.get("name") or f"Render {render.id[:_ID_PREFIX]}",
        recipients=[_create_recipient(each) for each in body["recipients"]],
        created=now,
        expiration_hours=None if hours is None else round(hours),
        idempotency_key=key or None,
    )


def _create_recipient(sent: dict[str, Any]) -> dict[str, Any]:
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


def _describe_signature(service: Service, request: Signature) -> dict[str, Any]:
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
