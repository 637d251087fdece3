"""Embed: the server side of the embedded builder and form."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from craftkit_async._io.downloads import Downloads, Progress, Source, Terms
from craftkit_async._io.files import check_target
from craftkit_async._io.sender import Sender
from craftkit_async._sansio.calls.arguments import allow, need, need_token
from craftkit_async._sansio.calls.call import (
    OMITTED,
    Call,
    Credential,
    Omitted,
    Operation,
    Result,
    Retry,
    TimeoutOption,
)
from craftkit_async._sansio.calls.data import encode_object, to_json, to_plain
from craftkit_async._sansio.calls.multipart import encode_file
from craftkit_async.errors import ConfigurationError
from craftkit_async.models.embed import (
    BuilderTemplate,
    CatalogPublished,
    CatalogRef,
    EmbedActor,
    EmbedForm,
    EmbedLimits,
    EmbedPermissions,
    EmbedScope,
    EmbedSession,
    EmbedTenant,
    UploadedImage,
    VariableCatalog,
)
from craftkit_async.models.open_object import OpenObject
from craftkit_async.models.renders import Render
from craftkit_async.resources.renders import DOWNLOAD_INLINE
from craftkit_async.resources.resource import Resource

_SESSION = Credential.SESSION
_NEVER = Retry.NEVER
_BUILDER = "/v1/embed/builder/templates"
_FORM = "/v1/embed/form-submit/{sessionId}"

_MINT = Operation("mint_embed_session", "POST", "/v1/embed/sessions", EmbedSession, retry=_NEVER)
_REFRESH = Operation("refresh_embed_session", "POST", "/v1/embed/sessions/refresh", EmbedSession, retry=_NEVER)
_PUBLISH = Operation("publish_embed_catalog", "POST", "/v1/embed/catalogs", CatalogPublished, retry=_NEVER)
_LIST_BUILDER = Operation("list_builder_templates", "GET", _BUILDER, BuilderTemplate, envelope="templates")
_CREATE_BUILDER = Operation("create_builder_template", "POST", _BUILDER, OpenObject, retry=_NEVER)
_LIST_RENDERS = Operation("list_embed_renders", "GET", "/v1/embed/renders", OpenObject)
_GET_RENDER = Operation("get_embed_render", "GET", "/v1/embed/renders/{id}", OpenObject, credential=_SESSION)
_SUBMIT = Operation("submit_embed_form", "POST", _FORM, Render, retry=_NEVER, credential=_SESSION)
_UPLOAD = Operation(
    "upload_embed_form_image", "POST", f"{_FORM}/upload-image", UploadedImage, retry=_NEVER, credential=_SESSION
)

# The service refuses shorter ones with 422.
_SHORTEST_RENEW_TOKEN = 8


class Embed(Resource):
    """Sessions, catalogs and builder templates."""

    __slots__ = ("_downloads",)

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender)
        self._downloads = Downloads(sender)

    async def mint_session(
        self,
        *,
        tenant: EmbedTenant | Mapping[str, Any],
        actor: EmbedActor | Mapping[str, Any],
        scope: EmbedScope | Mapping[str, Any] | Omitted | None = OMITTED,
        variable_catalog: VariableCatalog | Mapping[str, Any] | Omitted | None = OMITTED,
        catalog_ref: CatalogRef | Mapping[str, Any] | Omitted | None = OMITTED,
        permissions: EmbedPermissions | Mapping[str, Any] | Omitted | None = OMITTED,
        permissions_preset: str | Omitted | None = OMITTED,
        branding: Mapping[str, Any] | Omitted | None = OMITTED,
        appearance: Mapping[str, Any] | Omitted | None = OMITTED,
        callbacks: Mapping[str, Any] | Omitted | None = OMITTED,
        limits: EmbedLimits | Mapping[str, Any] | Omitted | None = OMITTED,
        form: EmbedForm | Mapping[str, Any] | Omitted | None = OMITTED,
        timeout: TimeoutOption = OMITTED,
    ) -> EmbedSession:
        """Make a session for the browser of one person; trust its `expires_at`, pages differ on the length."""
        need(Mapping, tenant=tenant, actor=actor)
        allow(str, permissions_preset=permissions_preset)
        allow(
            Mapping,
            scope=scope,
            variable_catalog=variable_catalog,
            catalog_ref=catalog_ref,
            permissions=permissions,
            branding=branding,
            appearance=appearance,
            callbacks=callbacks,
            limits=limits,
            form=form,
        )
        if variable_catalog is not OMITTED and catalog_ref is not OMITTED:
            raise ConfigurationError("pass variable_catalog or catalog_ref, not both")
        fields = {
            "tenant": tenant,
            "actor": actor,
            "scope": scope,
            "variable_catalog": variable_catalog,
            "catalog_ref": catalog_ref,
            "permissions": permissions,
            "permissions_preset": permissions_preset,
            "branding": branding,
            "appearance": appearance,
            "callbacks": callbacks,
            "limits": limits,
            "form": form,
        }
        return await self._send(_MINT.call().with_body(fields), timeout)

    async def refresh_session(self, renew_token: str, *, timeout: TimeoutOption = OMITTED) -> EmbedSession:
        """Exchange a renew token for a fresh session token; it works once, so after a lost answer mint anew."""
        need_token(renew_token=renew_token)
        if len(renew_token) < _SHORTEST_RENEW_TOKEN:
            raise ConfigurationError(f"renew_token has at least {_SHORTEST_RENEW_TOKEN} characters")
        call = _REFRESH.call().with_body({"renew_token": renew_token})
        # Error trackers show the local variables of the frames of a traceback.
        del renew_token
        return await self._send(call, timeout)

    async def publish_catalog(
        self, name: str, catalog: VariableCatalog | Mapping[str, Any], *, timeout: TimeoutOption = OMITTED
    ) -> CatalogPublished:
        """Publish the next version of a catalog; every call makes one."""
        need(str, name=name)
        need(Mapping, catalog=catalog)
        return await self._send(_PUBLISH.call().with_body({"name": name, "catalog": catalog}), timeout)

    async def list_builder_templates(self, *, timeout: TimeoutOption = OMITTED) -> list[BuilderTemplate]:
        """List the project's templates for an embedding host."""
        return await self._send_for_list(_LIST_BUILDER.call(), timeout)

    async def create_builder_template(
        self, document_template: Mapping[str, Any], *, timeout: TimeoutOption = OMITTED
    ) -> OpenObject:
        """Store a draft of the builder; one that cannot be published stays unpublished without a word."""
        need(Mapping, document_template=document_template)
        fields = {"document_template": document_template}
        return await self._send(_CREATE_BUILDER.call().with_body(fields), timeout)

    async def list_renders(
        self, *, limit: int | None = None, offset: int | None = None, timeout: TimeoutOption = OMITTED
    ) -> OpenObject:
        """List the project's renders; neither the names of the two numbers nor the reply are confirmed."""
        allow(int, limit=limit, offset=offset)
        return await self._send(_LIST_RENDERS.call().with_query(limit=limit, offset=offset), timeout)

    async def get_render(self, id: str, *, session_token: str, timeout: TimeoutOption = OMITTED) -> OpenObject:
        """Read a render of a session, as its browser does; a backend uses `renders.get`."""
        call = _with_token(_GET_RENDER.call(id=id), session_token)
        del session_token
        return await self._send(call, timeout)

    async def download(
        self,
        id: str,
        path: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Path:
        """Save the document of a render through the embed route."""
        source = Source((DOWNLOAD_INLINE.call(id=id),), render_id=id)
        terms = Terms(max_bytes=max_bytes, progress=progress, timeout=timeout)
        return await self._downloads.save(source, await check_target(path), terms)

    async def submit_form(
        self,
        session_id: str,
        data: Any,
        *,
        session_token: str,
        dataset_selection: Mapping[str, str] | Omitted | None = OMITTED,
        timeout: TimeoutOption = OMITTED,
    ) -> Render:
        """Submit the form of a fill session, as its browser does; the service checks the origin."""
        allow(Mapping, dataset_selection=dataset_selection)
        call = _with_token(_SUBMIT.call(sessionId=session_id), session_token)
        del session_token
        rest = b""
        if dataset_selection is not OMITTED:
            rest = b',"datasetSelection":%b' % to_json(to_plain(dataset_selection))
        call.body = b'{"data":%b%b}' % (encode_object(data), rest)
        return await self._send(call, timeout)

    async def upload_form_image(
        self,
        session_id: str,
        image: bytes,
        *,
        session_token: str,
        filename: str,
        content_type: str,
        timeout: TimeoutOption = OMITTED,
    ) -> UploadedImage:
        """Upload an image of a fill session; 5 MiB is the usual limit of a session, 10 MB that of the route."""
        need(bytes, image=image)
        need(str, filename=filename, content_type=content_type)
        call = _with_token(_UPLOAD.call(sessionId=session_id), session_token)
        del session_token
        call.body, call.content_type = encode_file("file", image, filename, content_type)
        return await self._send(call, timeout)


def _with_token(call: Call[Result], session_token: str) -> Call[Result]:
    need_token(session_token=session_token)
    call.own_credential = session_token
    return call
