"""Routes without authentication: share pages, rendered files, uploaded images, the contract."""

from html import escape
from typing import Final

from aiohttp import web

from craftkit_async.emulator.http.answers import PDF, Answer, Refusal
from craftkit_async.emulator.http.contract import load_contract
from craftkit_async.emulator.routes.engagement_log import record
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.records import Share

_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}}</style>
<h1>{title}</h1><p>{message}</p><p><a href="{link}">Download the document</a></p></html>
"""


def show_contract(_: Service, __: web.Request) -> Answer:
    """Serve the contract."""
    return Answer(200, load_contract().source, "application/yaml")


def show_file(service: Service, request: web.Request) -> Answer:
    """Serve a finished render at its permanent public URL."""
    render = service.state.renders.get(request.match_info["id"])
    if render is None or render.status != "succeeded":
        raise Refusal(404, "not_found", "No such file.")
    return Answer(200, service.rendering.read_pdf(render), PDF, {"Content-Disposition": "inline"})


def show_upload(service: Service, request: web.Request) -> Answer:
    """Serve an uploaded image."""
    upload = service.state.uploads.get(request.match_info["id"])
    body = upload and service.store.read_file(f"upload:{upload.id}")
    if not upload or body is None:
        raise Refusal(404, "not_found", "No such file.")
    sandboxed = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return Answer(200, body, _read_image_type(upload.content_type), sandboxed)


def show_share(service: Service, request: web.Request) -> Answer:
    """Serve the page of a guest link."""
    share = _find_share(service, request)
    share.clicks += 1
    service.state.shares.put(share)
    _record(service, share, "viewed", request)
    link = f"{service.base_url}/share/{share.token}/download"
    page = _PAGE.format(title="A document for you", message=escape(share.message or ""), link=escape(link))
    return Answer(200, page.encode(), "text/html; charset=utf-8")


def download_share(service: Service, request: web.Request) -> Answer:
    """Serve the file of a guest link."""
    share = _find_share(service, request)
    render = service.state.renders[share.render_id]
    _record(service, share, "downloaded", request)
    headers = {"Content-Disposition": f'attachment; filename="{render.id}.pdf"'}
    return Answer(200, service.rendering.read_pdf(render), PDF, headers)


def _find_share(service: Service, request: web.Request) -> Share:
    share = service.state.share_by_token.newest(request.match_info["token"])
    if share is None or share.revoked is not None:
        raise Refusal(404, "not_found", "No such share.")
    if share.expires is not None and share.expires <= service.clock.now():
        raise Refusal(404, "not_found", "The share has expired.")
    return share


def _record(service: Service, share: Share, kind: str, request: web.Request) -> None:
    agent = request.headers.get("User-Agent", "").encode("ascii", "backslashreplace").decode()
    extra = {"share_id": share.id, "source": request.remote or "", "user_agent": agent or None}
    record(service, share.render_id, kind, actor="recipient", **extra)


def _read_image_type(sent: str) -> str:
    kind = sent.partition(";")[0].strip()
    return kind if kind.isascii() and kind.isprintable() else "image/png"


ROUTES: Final = {
    "/openapi.yaml": show_contract,
    "/craftkit-renders/{id}.pdf": show_file,
    "/embed-uploads/{project}/{session}/{id}": show_upload,
    "/share/{token}": show_share,
    "/share/{token}/download": download_share,
}
