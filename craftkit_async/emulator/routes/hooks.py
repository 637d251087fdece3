"""Inbound hooks: a token in the path, the data as the body, and an optional signature."""

import hmac

from craftkit_async.emulator.calls import Call, Credential
from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.routes.renders import describe_submission, submit
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.records import Template
from craftkit_async.emulator.webhooks.signing import sign


def trigger_hook(service: Service, call: Call) -> Answer:
    """Queue a render of the template with this hook token."""
    template = service.state.template_by_hook.newest(call.path["token"])
    project = template and service.state.projects.get(template.project_id)
    if not template or not project or template.deleted is not None or project.deleted is not None:
        raise Refusal(404, "invalid_token", "No hook has this token.")
    _check_signature(template, call)
    data = call.json()
    call.credential = Credential(project=project, watermark=project.watermark)
    render, first = submit(service, call, service.templates.find_version(template), data)
    reply = describe_submission(service, render)
    return Answer(202, {name: reply[name] for name in ("id", "status", "pollUrl")}, first=first)


def _check_signature(template: Template, call: Call) -> None:
    sent = call.header("x-craftkit-signature")
    if sent is None and not template.hook_enforced:
        return
    expected = sign(call.body, template.hook_secret)
    if sent is None or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Refusal(401, "invalid_signature", "The signature does not match the body.")


HANDLERS = {"trigger_hook": trigger_hook}
