"""Render operations, and what other operations share about renders."""

from collections.abc import Awaitable, Callable
from typing import Any

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.faults.grammar import RENDER, WEBHOOK
from craftkit_async.emulator.http.answers import PDF, Answer, Issues, Refusal
from craftkit_async.emulator.rendering import write_download_url
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.records import Render, Version
from craftkit_async.emulator.storage.times import to_iso, to_iso_or_none


def submit(
    service: Service, call: Call, version: Version, data: dict[str, Any], **extra: Any
) -> tuple[Render, Callable[[], Awaitable[None]] | None]:
    """Validate data and queue its render; also return what to await before answering, or None."""
    bound, issues = service.templates.bind(version).bind(data)
    if issues:
        raise refuse_data(issues)
    faults = call.draw(RENDER)
    if service.outbox.is_wanted(call.project.id, "render.succeeded"):
        faults += call.draw(WEBHOOK)
    render = service.rendering.submit(
        version, bound, project_id=call.project.id, watermark=call.credential.watermark, faults=faults, **extra
    )
    return render, service.rendering.plan_early(render)


def refuse_data(issues: dict[str, list[str]]) -> Refusal:
    """Make the refusal for data that does not match its manifest."""
    return Refusal(400, "invalid_input_data", "The data does not match the template.", Issues(fields=issues))


def find_render(service: Service, call: Call) -> Render:
    """Return the render of the path; raises `Refusal` if the caller's project does not have it."""
    render = service.state.renders.get(call.path["id"])
    if render is None or render.project_id != call.project.id:
        raise Refusal(404, "not_found", "No such render in this project.")
    return render


def find_finished(service: Service, call: Call) -> Render:
    """Return the render of the path if it succeeded; raises `Refusal` otherwise."""
    render = find_render(service, call)
    if render.status != "succeeded":
        raise Refusal(409, "not_ready", "The render has not succeeded.")
    return render


def describe_submission(service: Service, render: Render) -> dict[str, Any]:
    """Return a render in the form of the answer to its submission."""
    return {
        "id": render.id,
        "status": render.status,
        "pollUrl": f"{service.renders_url}/{render.id}",
        "downloadUrl": write_download_url(render, service.base_url),
        "errorMessage": render.error,
        "createdAt": to_iso(render.created),
    }


def describe_render(service: Service, render: Render) -> dict[str, Any]:
    """Return a render in the form of the answer to a poll."""
    completed = render.completed
    return describe_submission(service, render) | {
        "completedAt": to_iso_or_none(completed),
        "durationMs": None if completed is None else completed - render.created,
    }


def get_render(service: Service, call: Call) -> Answer:
    """Return a render."""
    return Answer(200, describe_render(service, find_render(service, call)))


def download_render(service: Service, call: Call) -> Answer:
    """Return the PDF as an attachment."""
    render = find_finished(service, call)
    return attach(service.rendering.read_pdf(render), f"{render.id}.pdf")


def download_embed_render(service: Service, call: Call) -> Answer:
    """Return the PDF inline; an unknown render and one without a file are both 404."""
    render = find_render(service, call)
    if render.status != "succeeded":
        raise Refusal(404, "not_found", "The render has no file.")
    headers = {"Content-Disposition": "inline", "Cache-Control": "private, max-age=3600"}
    return Answer(200, service.rendering.read_pdf(render), PDF, headers)


def attach(body: bytes, name: str) -> Answer:
    """Return a PDF as an attachment with a file name."""
    return Answer(200, body, PDF, {"Content-Disposition": f'attachment; filename="{name}"'})


HANDLERS = {
    "get_render": get_render,
    "download_render": download_render,
    "download_embed_render": download_embed_render,
}
