"""Templates: list, read, write, delete, and render."""

import asyncio
import logging
from collections.abc import Mapping
from math import inf
from typing import Any, NamedTuple, overload

from craftkit_async._io.keys import given_or_fresh
from craftkit_async._io.sender import Sender
from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.call import OMITTED, Omitted, Operation, Retry, TimeoutOption
from craftkit_async._sansio.calls.data import encode_object, to_json
from craftkit_async._sansio.calls.manifests import read_manifest, says_the_same
from craftkit_async._sansio.calls.render_request import RenderRequest, to_request
from craftkit_async.errors import ClientStateError, NotFoundError
from craftkit_async.models.renders import Render
from craftkit_async.models.templates import (
    Manifest,
    Template,
    TemplateDeleted,
    TemplatePublished,
    TemplateSummary,
)
from craftkit_async.observe.reports import report_abandoned_submit, report_submit
from craftkit_async.resources.resource import Resource

_SLUG = ("slug", "slug")

_LIST = Operation("list_templates", "GET", "/v1/templates", TemplateSummary, envelope="templates")
_CREATE = Operation("create_template", "POST", "/v1/templates", TemplatePublished, retry=Retry.NEVER)
_GET = Operation("get_template", "GET", "/v1/templates/{slug}", Template, about=_SLUG)
_PUT = Operation("put_template", "PUT", "/v1/templates/{slug}", TemplatePublished, about=_SLUG)
_DELETE = Operation("delete_template", "DELETE", "/v1/templates/{slug}", TemplateDeleted, about=_SLUG)
_RENDER = Operation("render_template", "POST", "/v1/templates/{slug}/render", Render, retry=Retry.WITH_KEY)

# The one sign of a replay: a new render is answered with 202.
_REPLAYED = 200

_logger = logging.getLogger(__name__)


class Submission(NamedTuple):
    """A submitted render, and the idempotency key of its submit."""

    render: Render
    idempotency_key: str
    replayed: bool


class Templates(Resource):
    """The templates of the project."""

    __slots__ = ()

    async def get(self, slug: str, *, timeout: TimeoutOption = OMITTED) -> Template:
        """Read a template with its manifest."""
        return await self._send(_GET.call(slug=slug), timeout)

    async def create(
        self,
        name: str,
        *,
        manifest: Manifest | Mapping[str, Any],
        slug: str | Omitted | None = OMITTED,
        description: str | Omitted | None = OMITTED,
        layout: Mapping[str, Any] | Omitted | None = OMITTED,
        page_config: Mapping[str, Any] | Omitted | None = OMITTED,
        timeout: TimeoutOption = OMITTED,
    ) -> TemplatePublished:
        """Create a template and publish it as version 1; to repeat this without harm, use `put`."""
        need(str, name=name)
        need(Mapping, manifest=manifest)
        allow(str, slug=slug, description=description)
        allow(Mapping, layout=layout, page_config=page_config)
        fields = {
            "name": name,
            "slug": slug,
            "description": description,
            "manifest": manifest,
            "layout": layout,
            "page_config": page_config,
        }
        return await self._send(_CREATE.call().with_body(fields), timeout)

    async def put(
        self,
        slug: str,
        *,
        name: str,
        manifest: Manifest | Mapping[str, Any],
        description: str | Omitted | None = OMITTED,
        layout: Mapping[str, Any] | Omitted | None = OMITTED,
        page_config: Mapping[str, Any] | Omitted | None = OMITTED,
        only_if_changed: bool = False,
        timeout: TimeoutOption = OMITTED,
    ) -> TemplatePublished:
        """Create the template at this slug or publish another version of it.

        Every put adds a version, even of the same content. `only_if_changed` reads the template first and puts
        nothing if name, description and manifest are the same already; a layout or page set-up cannot be
        read back, so giving one always puts.
        """
        need(str, name=name)
        need(Mapping, manifest=manifest)
        need(bool, only_if_changed=only_if_changed)
        allow(str, description=description)
        allow(Mapping, layout=layout, page_config=page_config)
        fields = {
            "name": name,
            "description": description,
            "manifest": manifest,
            "layout": layout,
            "page_config": page_config,
        }
        call = _PUT.call(slug=slug).with_body(fields)
        if only_if_changed and layout is OMITTED and page_config is OMITTED:
            wanted = read_manifest(manifest)
            unchanged = _as_published(await self._find(slug, timeout), name, description, wanted)
            if unchanged is not None:
                return unchanged
        return await self._send(call, timeout)

    async def delete(self, slug: str, *, timeout: TimeoutOption = OMITTED) -> TemplateDeleted:
        """Delete a template and free its slug; its renders stay."""
        try:
            return await self._send(_DELETE.call(slug=slug), timeout)
        except NotFoundError as error:
            if not error.maybe_applied:
                raise
            return TemplateDeleted(slug)

    @overload
    async def render(self, slug: RenderRequest, *, timeout: TimeoutOption = OMITTED) -> Render: ...

    @overload
    async def render(
        self,
        slug: str,
        data: Any,
        *,
        idempotency_key: str | None = None,
        version: int | None = None,
        filename: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Render: ...

    async def render(
        self,
        slug: str | RenderRequest,
        data: Any = OMITTED,
        *,
        idempotency_key: str | None = None,
        version: int | None = None,
        filename: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Render:
        """Submit a render and return it as the answer describes it, most likely queued."""
        request = to_request(slug, data, idempotency_key, version, filename)
        return (await submit_render(self._sender, request, timeout=timeout)).render

    async def _find(self, slug: str, timeout: TimeoutOption) -> Template | None:
        try:
            return await self.get(slug, timeout=timeout)
        except NotFoundError:
            return None

    async def list(self, *, timeout: TimeoutOption = OMITTED) -> list[TemplateSummary]:
        """List all templates of the project, the latest changed first."""
        return await self._send_for_list(_LIST.call(), timeout)


async def submit_render(
    sender: Sender,
    request: RenderRequest,
    *,
    timeout: TimeoutOption = OMITTED,
    time_left: float = inf,
) -> Submission:
    """Submit a render, and return with it the key and whether the service had seen the key before.

    `timeout` bounds one attempt and `time_left` all of them together.
    """
    slug, key = request.template, given_or_fresh(request.idempotency_key)
    call = _RENDER.call(slug=slug)
    call.body, call.idempotency_key = _render_body(request), key
    observers = sender.runtime.settings.observers
    is_fresh = request.idempotency_key is None
    try:
        answer = await sender.send(call, timeout=timeout, time_left=time_left)
    except asyncio.CancelledError:
        if is_fresh and observers:
            report_abandoned_submit(observers, slug, key)
        raise
    except ClientStateError as error:
        # One without a key was raised before the call began.
        if error.idempotency_key is not None and observers:
            report_abandoned_submit(observers, slug, key)
        raise
    replayed = answer.status == _REPLAYED
    if replayed and answer.attempts == 1 and is_fresh:
        _logger.warning("a new idempotency key was answered with an old render: %s", answer.value.id)
    statistics = sender.runtime.statistics
    statistics.submitted += 1
    statistics.replayed += replayed
    if observers:
        report_submit(observers, slug, key, answer.value.id, replayed=replayed)
    return Submission(answer.value, key, replayed)


def _render_body(request: RenderRequest) -> bytes:
    encoded = encode_object(request.data)
    if request.version is None and request.filename is None:
        return b'{"data":%b}' % encoded
    options = {"versionNumber": request.version, "filename": request.filename}
    given = {name: value for name, value in options.items() if value is not None}
    return b'{"data":%b,"options":%b}' % (encoded, to_json(given))


def _as_published(
    current: Template | None, name: str, description: str | Omitted | None, manifest: Manifest
) -> TemplatePublished | None:
    """Return what a put would, if the template already is what would be put."""
    if current is None or current.manifest is None or current.current_version_number is None:
        return None
    is_described = description is OMITTED or description == current.description
    if not is_described or name != current.name or not says_the_same(manifest, current.manifest):
        return None
    return TemplatePublished(current.id, current.slug, current.current_version_number, current.manifest)
