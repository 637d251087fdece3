"""Provision organisations, idempotently: a repeated call returns the same key."""

import base64
import hashlib
from typing import Any

from cryptography.fernet import Fernet

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer, Issues, Refusal
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.identifiers import new_token, to_slug
from craftkit_async.emulator.storage.records import Organisation


def provision_org(service: Service, call: Call) -> Answer:
    """Provision an organisation, or return the one provisioned earlier."""
    external_id = call.json()["externalOrgId"]
    organisation = service.state.organisations.get(external_id)
    if organisation:
        return Answer(200, _describe_organisation(service, organisation))
    return Answer(201, _describe_organisation(service, _provision(service, external_id)))


def update_provisioned_org(service: Service, call: Call) -> Answer:
    """Change the sender of an organisation's e-mails."""
    body = call.json()
    organisation = service.state.organisations.get(str(body.get("externalOrgId")))
    project = organisation and service.state.projects.get(organisation.project_id)
    if not project:
        raise Refusal(404, "not_found", "No organisation has this external id.")
    sender = body.get("emailFrom")
    if sender is not None and not isinstance(sender, str):
        raise call.invalid(Issues(fields={"emailFrom": ["Wrong type"]}))
    if "emailFrom" in body:
        project.email_from = sender
        service.state.projects.put(project)
    return Answer(200, {"externalOrgId": body["externalOrgId"], "emailFrom": project.email_from})


def _provision(service: Service, id: str) -> Organisation:
    project = service.add_project(id, service.find_free_slug(to_slug(id, "org")), embed=True)
    key = new_token("ck_live_")
    service.add_key(project, key, "Provisioned")
    sealed = _make_cipher(service).encrypt(key.encode()).decode()
    return service.state.organisations.put(Organisation(id=id, project_id=project.id, sealed_key=sealed))


def _describe_organisation(service: Service, organisation: Organisation) -> dict[str, Any]:
    return {
        "externalOrgId": organisation.id,
        "projectId": organisation.project_id,
        "apiKey": _make_cipher(service).decrypt(organisation.sealed_key.encode()).decode(),
    }


def _make_cipher(service: Service) -> Fernet:
    """Derive the cipher from the admin key: as in the real service, changing it makes stored keys unreadable."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(service.settings.admin_key.encode()).digest()))


HANDLERS = {"provision_org": provision_org, "update_provisioned_org": update_provisioned_org}
