"""Embed operations that the partner's backend calls: sessions, catalogs, builder templates, the list of renders."""

from typing import Any, Final

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer, Issues, Refusal
from craftkit_async.emulator.routes.origins import check_origin
from craftkit_async.emulator.routes.renders import describe_render
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.identifiers import new_id, new_token
from craftkit_async.emulator.storage.records import Catalog, Session
from craftkit_async.emulator.storage.times import to_iso
from craftkit_async.emulator.tokens import AUDIENCE, ISSUER

_LIFETIME: Final = 4 * 3600 * 1000  # milliseconds of a session token
_DEFAULT_LIMIT: Final = 50
_EDITING: Final = frozenset({"edit", "create"})
_CLAIM_NAMES: Final = {"rollback": "rollback_version"}


def mint_embed_session(service: Service, call: Call) -> Answer:
    """Mint a session for a tenant and an actor."""
    body = call.json()
    scope = body.get("scope", {})
    _check_mint(service, call, body, scope)
    now = service.clock.now()
    session = Session(
        id=new_id(now),
        project_id=call.project.id,
        mode=scope.get("mode", "edit"),
        created=now,
        expires=now + _LIFETIME,
        renew_token=new_token("ert_"),
        template_external_id=scope.get("templateExternalId"),
        permissions=body.get("permissions", {}),
        tenant=body["tenant"],
        actor=body["actor"],
        scope=scope,
        form=body.get("form", {}),
    )
    return Answer(200, _store_and_describe_session(service, session))


def refresh_embed_session(service: Service, call: Call) -> Answer:
    """Exchange a renew token, which is valid once, for a new session token."""
    renew_token = call.json()["renewToken"]
    sessions = service.state.sessions_of.all(call.project.id)
    session = next((each for each in sessions if each.renew_token == renew_token), None)
    if session is None:
        raise Refusal(401, "refresh_failed", "The renew token is unknown, already used, or belongs to another project.")
    session.renew_token, session.expires = new_token("ert_"), service.clock.now() + _LIFETIME
    return Answer(200, _store_and_describe_session(service, session))


def publish_embed_catalog(service: Service, call: Call) -> Answer:
    """Publish the next version of a catalog."""
    body = call.json()
    version = len(service.state.catalogs_of.all((call.project.id, body["name"]))) + 1
    catalog = Catalog(
        id=new_id(service.clock.now()),
        project_id=call.project.id,
        name=body["name"],
        version=version,
        catalog=body["catalog"],
    )
    service.state.catalogs.put(catalog)
    return Answer(201, {"id": catalog.id, "name": catalog.name, "version": version})


def list_builder_templates(service: Service, call: Call) -> Answer:
    """List the project's templates, most recently updated first."""
    rows = [each for each in service.state.templates_of.all(call.project.id) if each.deleted is None]
    rows.sort(key=lambda each: (each.updated, each.id), reverse=True)
    templates = [
        {
            "id": each.id,
            "name": each.name,
            "slug": each.slug,
            "createdAt": to_iso(each.created),
            "updatedAt": to_iso(each.updated),
            "category": None,
        }
        for each in rows
    ]
    return Answer(200, {"templates": templates})


def create_builder_template(service: Service, call: Call) -> Answer:
    """Store a builder's draft; it silently stays unpublished if it has no valid layout or may not be published."""
    check_origin(service, call)
    document = call.json()["documentTemplate"]
    may_publish = _may_publish(call)
    name = document.get("name") or "Untitled template"
    template = service.templates.make(call.project.id, service.templates.choose_slug(call.project.id, name), name, None)
    layout = document.get("layout")
    if may_publish and isinstance(layout, dict) and isinstance(layout.get("blocks"), list):
        service.templates.publish(template, {"manifest": {"variables": [], "loops": []}, "layout": layout})
    service.state.templates.put(template)
    reply = {
        **document,
        "_id": template.id,
        "organizationId": call.project.id,
        "name": name,
        "sD": False,
        "cAt": to_iso(template.created),
        "presetKey": document.get("presetKey"),
        "isCustomTemplate": True,
        "layout": layout,
        "design": document.get("design"),
    }
    return Answer(200, {"documentTemplate": reply})


def list_embed_renders(service: Service, call: Call) -> Answer:
    """List the project's renders, newest first, by offset."""
    query = call.query()
    limit, offset = query.get("limit", _DEFAULT_LIMIT), query.get("offset", 0)
    if limit < 0 or offset < 0:
        raise call.invalid(Issues(form=["limit and offset must not be negative"]))
    rows = list(reversed(service.state.renders_of.all(call.project.id)))
    page = [describe_render(service, each) for each in rows[offset : offset + limit]]
    return Answer(200, {"renders": page, "total": len(rows), "limit": limit, "offset": offset})


def _check_mint(service: Service, call: Call, body: dict[str, Any], scope: dict[str, Any]) -> None:
    if "variableCatalog" in body and "catalogRef" in body:
        raise call.invalid(Issues(form=["variableCatalog and catalogRef are mutually exclusive"]))
    if scope.get("mode") == "fill" and not isinstance(scope.get("templateExternalId"), str):
        raise call.invalid(Issues(fields={"scope.templateExternalId": ["Required"]}))
    if reference := body.get("catalogRef"):
        versions = service.state.catalogs_of.all((call.project.id, reference["name"]))
        if not 1 <= reference.get("version", len(versions)) <= len(versions):
            raise Refusal(404, "catalog_not_found", "No such catalog.")


def _may_publish(call: Call) -> bool:
    session = call.credential.session
    if session is None:
        return True
    if session.mode not in _EDITING or session.permissions.get("saveDraft") is False:
        raise Refusal(403, "permission_denied", "The session may not create templates.")
    return session.permissions.get("publish") is True


def _store_and_describe_session(service: Service, session: Session) -> dict[str, Any]:
    """Store a session and return it with a new token."""
    service.state.sessions.put(session)
    token = service.signer.sign(_write_claims(service, session))
    page = "form" if session.mode == "fill" else "builder"
    return {
        "session_id": session.id,
        "session_token": token,
        "iframe_url": f"{service.base_url}/embed/{page}?session_token={token}",
        "expires_at": to_iso(session.expires),
        "renew_token": session.renew_token,
    }


def _write_claims(service: Service, session: Session) -> dict[str, Any]:
    now = service.clock.now() // 1000
    rights = {_CLAIM_NAMES.get(name, name): value for name, value in session.permissions.items()}
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": session.id,
        "iat": now,
        "nbf": now,
        "exp": session.expires // 1000,
        "jti": new_id(service.clock.now()),
        "ck": {
            "v": 1,
            "partner": session.project_id,
            "tenant": session.tenant["externalId"],
            "actor": session.actor["externalId"],
            "scope": session.scope,
            "permissions": rights,
        },
    }


HANDLERS = {
    "mint_embed_session": mint_embed_session,
    "refresh_embed_session": refresh_embed_session,
    "publish_embed_catalog": publish_embed_catalog,
    "list_builder_templates": list_builder_templates,
    "create_builder_template": create_builder_template,
    "list_embed_renders": list_embed_renders,
}
