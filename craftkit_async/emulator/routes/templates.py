"""Template operations, and the submission of renders."""

from typing import Any

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer, Issues, Refusal
from craftkit_async.emulator.manifests.json_schema import to_json_schema
from craftkit_async.emulator.routes.renders import describe_submission, submit
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.records import Template, Version
from craftkit_async.emulator.storage.times import to_iso

_MAX_KEY_PARTS = 32  # parts of a dotted variable key; deeper nesting exceeds the JSON encoder's limit


def list_templates(service: Service, call: Call) -> Answer:
    """List the project's templates, most recently updated first."""
    rows = [each for each in service.state.templates_of.all(call.project.id) if each.deleted is None]
    rows.sort(key=lambda each: (each.updated, each.id), reverse=True)
    return Answer(200, {"templates": [_summarise(each) for each in rows]})


def get_template(service: Service, call: Call) -> Answer:
    """Return one template; its manifest is null while it has no published version."""
    template = service.templates.find(call.project.id, call.path["slug"])
    version = service.templates.read_current(template)
    body = _summarise(template) | {
        "description": template.description,
        "manifest": version.manifest if version else None,
        "jsonSchema": to_json_schema(version.manifest) if version else None,
    }
    return Answer(200, body)


def create_template(service: Service, call: Call) -> Answer:
    """Create a template and publish it as version 1."""
    body = _read_content(call)
    slug = body.get("slug") or service.templates.choose_slug(call.project.id, body["name"])
    if service.templates.is_there(call.project.id, slug):
        raise Refusal(409, "slug_conflict", "Another template already has this slug.")
    return Answer(201, _publish(service, call, slug, body))


def put_template(service: Service, call: Call) -> Answer:
    """Create the template with this slug, or publish its next version."""
    body, slug = _read_content(call), call.path["slug"]
    existed = service.templates.is_there(call.project.id, slug)
    return Answer(200 if existed else 201, _publish(service, call, slug, body))


def delete_template(service: Service, call: Call) -> Answer:
    """Delete a template; its renders remain readable."""
    template = service.templates.find(call.project.id, call.path["slug"])
    deleted = service.templates.delete(template)
    return Answer(200, {"id": template.id, "slug": template.slug, "deletedAt": to_iso(deleted)})


def render_template(service: Service, call: Call) -> Answer:
    """Queue a render, or return the earlier one with this idempotency key."""
    body = call.json()
    key = call.header("Idempotency-Key") or body.get("jobId")
    if key and (known := service.state.render_by_key.newest((call.project.id, key))):
        return Answer(200, describe_submission(service, known))
    template = service.templates.find(call.project.id, call.path["slug"])
    options = body.get("options", {})
    number = options.get("versionNumber")
    version = service.templates.find_version(template, None if number is None else int(number))
    named = {"idempotency_key": key or None, "filename": options.get("filename")}
    render, first = submit(service, call, version, body["data"], **named)
    return Answer(202, describe_submission(service, render), first=first)


def _read_content(call: Call) -> Any:
    try:
        body = call.json()
    except Refusal as refusal:
        raise _name_loop_keys(call, refusal) from None
    manifest = body["manifest"]
    fields = [each for loop in manifest["loops"] for each in loop["itemFields"]]
    if any(each["key"].count(".") >= _MAX_KEY_PARTS for each in [*manifest["variables"], *fields]):
        raise call.invalid(Issues(fields={"manifest": [f"Keys have at most {_MAX_KEY_PARTS} parts"]}))
    return body


def _name_loop_keys(call: Call, refusal: Refusal) -> Refusal:
    """Distinguish a dotted loop key from every other failure of the schema."""
    if refusal.issues is None or refusal.issues.form:
        return refusal
    wrong = [path.split(".") for path in refusal.issues.fields]
    if all(path[:2] == ["manifest", "loops"] and path[3:] == ["key"] for path in wrong) and b"." in call.body:
        return Refusal(400, "invalid_loop_key", "A loop key must not contain a dot.", refusal.issues)
    return refusal


def _publish(service: Service, call: Call, slug: str, body: dict[str, Any]) -> dict[str, Any]:
    templates = service.templates
    if templates.is_there(call.project.id, slug):
        template = templates.find(call.project.id, slug)
        template.name, template.description = body["name"], body.get("description")
    else:
        template = templates.make(call.project.id, slug, body["name"], body.get("description"))
    return _describe_published(template, templates.publish(template, body))


def _describe_published(template: Template, version: Version) -> dict[str, Any]:
    return {
        "id": template.id,
        "slug": template.slug,
        "currentVersionNumber": version.number,
        "manifest": version.manifest,
    }


def _summarise(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "name": template.name,
        "slug": template.slug,
        "templateType": template.template_type,
        "currentVersionNumber": template.current_version,
        "published": template.current_version is not None,
        "createdAt": to_iso(template.created),
        "updatedAt": to_iso(template.updated),
    }


HANDLERS = {
    "list_templates": list_templates,
    "get_template": get_template,
    "create_template": create_template,
    "put_template": put_template,
    "delete_template": delete_template,
    "render_template": render_template,
}
