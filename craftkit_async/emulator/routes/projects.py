"""Projects and their keys, for an account."""

from typing import Any

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.identifiers import new_token, to_slug
from craftkit_async.emulator.storage.records import Project
from craftkit_async.emulator.storage.times import to_iso


def list_projects(service: Service, _: Call) -> Answer:
    """List the projects that are not deleted, newest first."""
    rows = [each for each in service.state.projects if each.deleted is None]
    return Answer(200, {"projects": [_describe(each) for each in reversed(rows)]})


def create_project(service: Service, call: Call) -> Answer:
    """Make a project, always a new one."""
    name = call.json()["name"]
    project = service.add_project(name, service.find_free_slug(to_slug(name, "project")))
    return Answer(201, {"id": project.id, "slug": project.slug, "name": project.name})


def get_project(service: Service, call: Call) -> Answer:
    """Show a project."""
    return Answer(200, _describe(_find(service, call)))


def update_project(service: Service, call: Call) -> Answer:
    """Rename a project; whose it is is checked before the body."""
    project = _find(service, call)
    project.name, project.updated = call.json()["name"], service.clock.now()
    return Answer(200, _describe(service.state.projects.put(project)))


def delete_project(service: Service, call: Call) -> Answer:
    """Delete a project, which stops its keys."""
    project = _find(service, call)
    project.deleted = service.clock.now()
    service.state.projects.put(project)
    return Answer(200, {"id": project.id, "deleted": True})


def create_project_key(service: Service, call: Call) -> Answer:
    """Mint a live key and show it this once."""
    project, plaintext = _find(service, call), new_token("ck_live_")
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


def _find(service: Service, call: Call) -> Project:
    project = service.state.projects.get(call.path["id"])
    if project is None or project.deleted is not None:
        raise Refusal(404, "not_found", "No such project.")
    return project


def _describe(project: Project) -> dict[str, Any]:
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
