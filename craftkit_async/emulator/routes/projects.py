"""Projects and their keys, for the account key."""

from typing import Any

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.identifiers import new_token, to_slug
from craftkit_async.emulator.storage.records import Project
from craftkit_async.emulator.storage.times import to_iso


def list_projects(service: Service, _: Call) -> Answer:
    """List the existing projects, newest first."""
    rows = [each for each in service.state.projects if each.deleted is None]
    return Answer(200, {"projects": [_describe_project(each) for each in reversed(rows)]})


def create_project(service: Service, call: Call) -> Answer:
    """Create a project; the call is not idempotent."""
    name = call.json()["name"]
    project = service.add_project(name, service.find_free_slug(to_slug(name, "project")))
    return Answer(201, {"id": project.id, "slug": project.slug, "name": project.name})


def get_project(service: Service, call: Call) -> Answer:
    """Return a project."""
    return Answer(200, _describe_project(_find_project(service, call)))


def update_project(service: Service, call: Call) -> Answer:
    """Rename a project; an unknown project is reported before an invalid body."""
    project = _find_project(service, call)
    project.name, project.updated = call.json()["name"], service.clock.now()
    return Answer(200, _describe_project(service.state.projects.put(project)))


def delete_project(service: Service, call: Call) -> Answer:
    """Delete a project, which disables its keys."""
    project = _find_project(service, call)
    project.deleted = service.clock.now()
    service.state.projects.put(project)
    return Answer(200, {"id": project.id, "deleted": True})


def create_project_key(service: Service, call: Call) -> Answer:
    """Create a live key and return it; later only its prefix is known."""
    project, plaintext = _find_project(service, call), new_token("ck_live_")
    key = service.add_key(project, plaintext, call.json().get("name", "API key"))
    body = {
        "id": key.id,
        "projectId": project.id,
        "name": key.name,
        "prefix": key.prefix,
        "key": plaintext,
        "createdAt": to_iso(key.created),
    }
    return Answer(201, body)


def _find_project(service: Service, call: Call) -> Project:
    project = service.state.projects.get(call.path["id"])
    if project is None or project.deleted is not None:
        raise Refusal(404, "not_found", "No such project.")
    return project


def _describe_project(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "slug": project.slug,
        "name": project.name,
        "createdAt": to_iso(project.created),
        "updatedAt": to_iso(project.updated),
    }


HANDLERS = {
    "list_projects": list_projects,
    "create_project": create_project,
    "get_project": get_project,
    "update_project": update_project,
    "delete_project": delete_project,
    "create_project_key": create_project_key,
}
