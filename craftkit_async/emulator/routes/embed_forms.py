"""Embed operations that the browser calls: submit forms, upload images, read the session's renders."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.http.multipart import find_part
from craftkit_async.emulator.manifests.forms import expand, merge
from craftkit_async.emulator.request_pipeline import Handler
from craftkit_async.emulator.routes.origins import check_origin
from craftkit_async.emulator.routes.renders import (
    describe_render,
    describe_submission,
    find_render,
    refuse_data,
    submit,
)
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.identifiers import new_id
from craftkit_async.emulator.storage.records import Session, Template, Upload, Version
from craftkit_async.emulator.storage.times import to_iso

_MAX_IMAGE: Final = 10 * 2**20  # bytes


def get_embed_render(service: Service, call: Call) -> Answer:
    """Return a render to the session that submitted it."""
    check_origin(service, call)
    render = find_render(service, call)
    if call.credential.session is None or render.session_id != call.credential.session.id:
        raise Refusal(404, "not_found", "No such render in this session.")
    return Answer(200, describe_render(service, render))


def submit_embed_form(service: Service, call: Call) -> Answer:
    """Submit a form: render it or, if the session only collects data, send the data as an event."""
    session = _find_session(service, call)
    if session.permissions.get("submitForm") is False:
        raise Refusal(403, "permission_denied", "The session may not submit forms.")
    data = call.json()["data"]
    template, version = _find_template(service, call, session)
    merged = merge(expand(session.form.get("prefill", {})), expand(data))
    if session.form.get("captureMode") == "collect":
        return _collect(service, session, template, version, merged)
    render, first = submit(service, call, version, merged, session_id=session.id)
    reply = describe_submission(service, render) | {"pollUrl": _write_poll_url(service, render.id)}
    return Answer(202, reply, first=first)


async def upload_embed_form_image(service: Service, call: Call) -> Answer:
    """Store an image of a fill session under a public URL."""
    session = _find_session(service, call)
    part = await find_part(call.header("Content-Type") or "", call.body, "file")
    if not part.content_type.startswith("image/"):
        raise Refusal(415, "invalid_type", "Only images are accepted.")
    if len(part.body) > _MAX_IMAGE:
        raise Refusal(413, "file_too_large", f"The file is larger than {_MAX_IMAGE} bytes.")
    upload = Upload(id=new_id(service.clock.now()), content_type=part.content_type)
    service.state.uploads.put(upload)
    service.store.put_file(f"upload:{upload.id}", part.body)
    return Answer(200, {"url": f"{service.base_url}/embed-uploads/{session.project_id}/{session.id}/{upload.id}"})


def _find_session(service: Service, call: Call) -> Session:
    """Check origin, session and mode, before the body is read."""
    check_origin(service, call)
    session = call.credential.session
    if session is None or session.id != call.path["sessionId"]:
        raise Refusal(404, "session_not_found", "The token belongs to another session.")
    if session.mode != "fill":
        raise Refusal(403, "wrong_mode", "The session's mode is not fill.")
    return session


def _find_template(service: Service, call: Call, session: Session) -> tuple[Template, Version]:
    template_id = _read_uuid(session.template_external_id or "")
    if template_id is None:
        raise Refusal(404, "template_not_resolved", "The session's template id is not a UUID.")
    template = service.state.templates.get(template_id)
    if template is None or template.deleted is not None or template.project_id != call.project.id:
        raise Refusal(404, "template_not_found", "No template with that id.")
    return template, service.templates.find_version(template)


def _read_uuid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _collect(service: Service, session: Session, template: Template, version: Version, data: dict[str, Any]) -> Answer:
    bound, issues = service.templates.bind(version).bind(data)
    if issues:
        raise refuse_data(issues)
    now = service.clock.now()
    event = {
        "event": "form.submitted",
        "sessionId": session.id,
        "templateSlug": template.slug,
        "templateVersion": version.number,
        "renderId": None,
        "data": bound,
        "submittedAt": to_iso(now),
    }
    service.outbox.emit(session.project_id, event, session.id)
    reply_id = new_id(now)
    reply = {"id": reply_id, "pollUrl": _write_poll_url(service, reply_id), "createdAt": to_iso(now)}
    return Answer(202, reply | {"status": "succeeded", "downloadUrl": None, "errorMessage": None})


def _write_poll_url(service: Service, render_id: str) -> str:
    return f"{service.base_url}/v1/embed/renders/{render_id}"


HANDLERS: Mapping[str, Handler] = {
    "get_embed_render": get_embed_render,
    "submit_embed_form": submit_embed_form,
    "upload_embed_form_image": upload_embed_form_image,
}
