"""Share operations: guest links to a finished render, and e-mails with them."""

from typing import Any

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer, Issues, Refusal
from craftkit_async.emulator.routes.engagement_log import record
from craftkit_async.emulator.routes.renders import find_finished, find_render
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.identifiers import new_id, new_token
from craftkit_async.emulator.storage.records import Mail, Render, Share
from craftkit_async.emulator.storage.times import from_iso, to_iso, to_iso_or_none


def list_shares(service: Service, call: Call) -> Answer:
    """List all shares of a render, including revoked ones, newest first."""
    render = find_render(service, call)
    rows = reversed(service.state.shares_of.all(render.id))
    return Answer(200, {"shares": [_describe_listed_share(service, each) for each in rows]})


def create_share(service: Service, call: Call) -> Answer:
    """Create a guest link; no e-mail is sent, even for the channel `email`."""
    body = call.json()
    expires = read_expiry(call, body)
    share = _create_share(service, find_finished(service, call), body, body.get("recipientEmail"), expires)
    return Answer(201, _describe_share(service, share))


def revoke_share(service: Service, call: Call) -> Answer:
    """Revoke a share; a revoked share is not found again."""
    render = find_render(service, call)
    share = service.state.shares.get(call.path["shareId"])
    if share is None or share.render_id != render.id or share.revoked is not None:
        raise Refusal(404, "not_found", "No such share.")
    share.revoked, share.revoked_reason = service.clock.now(), "revoked_by_partner"
    service.state.shares.put(share)
    record(service, render.id, "share_revoked", actor="partner", share_id=share.id)
    return Answer(200, {"id": share.id, "revokedAt": to_iso(share.revoked)})


def email_render(service: Service, call: Call) -> Answer:
    """Create a share and record the e-mail that the real service would send."""
    body = call.json()
    expires = read_expiry(call, body)
    share = _create_share(service, find_finished(service, call), body | {"channel": "email"}, body["to"], expires)
    mail = Mail(
        id=new_token("re_", 9),
        project_id=call.project.id,
        render_id=share.render_id,
        sender=call.project.email_from,
        to=body["to"],
        name=body.get("recipientName"),
        message=share.message,
        share_url=_share_url(service, share),
        sent=service.clock.now(),
    )
    service.state.mails.put(mail)
    record(service, share.render_id, "email_sent", actor="partner", share_id=share.id)
    sent = {"emailMessageId": mail.id, "sentAt": to_iso(mail.sent)}
    return Answer(201, {"id": share.id, "shareToken": share.token, "shareUrl": mail.share_url, **sent})


def read_expiry(call: Call, body: dict[str, Any]) -> int | None:
    """Parse when a share expires; a value that matches the schema may still be an invalid date."""
    if "expiresAt" not in body:
        return None
    try:
        return from_iso(body["expiresAt"])
    except (ValueError, OverflowError):
        raise call.invalid(Issues(fields={"expiresAt": ["Invalid"]})) from None


def _create_share(
    service: Service, render: Render, body: dict[str, Any], recipient: str | None, expires: int | None
) -> Share:
    now = service.clock.now()
    share = Share(
        id=new_id(now),
        project_id=render.project_id,
        render_id=render.id,
        token=new_token("cks_"),
        channel=body.get("channel", "link"),
        created=now,
        recipient=recipient,
        message=body.get("message"),
        expires=expires,
    )
    record(service, render.id, "share_created", actor="partner", share_id=share.id)
    return service.state.shares.put(share)


def _share_url(service: Service, share: Share) -> str:
    return f"{service.base_url}/share/{share.token}"


def _describe_share(service: Service, share: Share) -> dict[str, Any]:
    return {
        "id": share.id,
        "shareToken": share.token,
        "shareUrl": _share_url(service, share),
        "channel": share.channel,
        "recipientEmail": share.recipient,
        "message": share.message,
        "expiresAt": to_iso_or_none(share.expires),
        "revokedAt": to_iso_or_none(share.revoked),
        "createdAt": to_iso(share.created),
    }


def _describe_listed_share(service: Service, share: Share) -> dict[str, Any]:
    return _describe_share(service, share) | {"revokedReason": share.revoked_reason, "clickCount": share.clicks}


HANDLERS = {
    "list_shares": list_shares,
    "create_share": create_share,
    "revoke_share": revoke_share,
    "email_render": email_render,
}
