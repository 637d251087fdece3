"""Which public method sends which operation, and by which arguments: the table of the design, as data."""

import inspect
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs

from craftkit_async import Craftkit, CraftkitAccount, CraftkitAdmin, RetryPolicy, Transport
from craftkit_async.testing import FakeTransport
from tests.contract.document import BY_ID, Described, snake
from tests.contract.samples import sample

Client = Craftkit | CraftkitAccount | CraftkitAdmin

KEYS = {"projectKey": "ck_test_project", "accountKey": "ck_acct_account", "adminKey": "deployment-secret"}

SESSION_TOKEN = "a.session.token"

# One attempt: where a test is about one reply, nothing is sent again.
ONCE = RetryPolicy(total=0)


@attrs.frozen
class Method:
    """The public method of one operation."""

    operation: str
    name: str
    """Where it hangs on its client."""
    renamed: Mapping[str, str] = attrs.field(factory=dict)
    """Path parts and dotted members of the body whose argument is not simply their name in snake_case."""
    further: Mapping[str, Any] = attrs.field(factory=dict)
    """Arguments that are nothing of the document's, but needed."""

    @property
    def described(self) -> Described:
        """The operation in the document."""
        return BY_ID[self.operation]

    def argument(self, name: str) -> str:
        """Return the argument for a path part or a member of the body."""
        return self.renamed.get(name, snake(name))

    def arguments(self, body: Any = None, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the arguments that should send this body and this query."""
        path = {self.argument(part["name"]): part["example"] for part in self.described.parameters("path")}
        rest = {snake(name): value for name, value in (query or {}).items()}
        return {**path, **self.further, **rest, **dict(self._body_arguments(body))}

    def _body_arguments(self, body: Any) -> Iterator[tuple[str, Any]]:
        if WHOLE in self.renamed:
            yield self.renamed[WHOLE], body
            return
        for name, value in (body or {}).items():
            inside = [dotted for dotted in self.renamed if dotted.startswith(f"{name}.")]
            if not inside:
                yield self.argument(name), value
            yield from (
                (self.renamed[dotted], value[member])
                for dotted in inside
                if (member := dotted.partition(".")[2]) in value
            )


# In place of a member's name: the argument is the whole body.
WHOLE = ""

_FILE = {"path": Path("document.pdf")}
_SESSION = {"session_token": SESSION_TOKEN}
_OPTIONS = {"options.versionNumber": "version", "options.filename": "filename"}

METHODS = (
    Method("list_templates", "templates.list"),
    Method("create_template", "templates.create"),
    Method("get_template", "templates.get"),
    Method("put_template", "templates.put"),
    Method("delete_template", "templates.delete"),
    Method("render_template", "templates.render", _OPTIONS),
    Method("get_render", "renders.get"),
    Method("download_render", "renders.download", {"id": "what"}, _FILE),
    Method("email_render", "renders.email"),
    Method("list_shares", "shares.list", {"id": "render_id"}),
    Method("create_share", "shares.create", {"id": "render_id"}),
    Method("revoke_share", "shares.revoke", {"id": "render_id"}),
    Method("track_event", "engagement.track", {"id": "render_id"}),
    Method("get_engagement", "engagement.get", {"id": "render_id"}),
    Method("list_signatures", "signatures.list_page"),
    Method("create_signature", "signatures.create"),
    Method("get_signature", "signatures.get"),
    Method("cancel_signature", "signatures.cancel"),
    Method("download_signature", "signatures.download", further=_FILE),
    Method("download_signature_certificate", "signatures.certificate", further=_FILE),
    Method("mint_embed_session", "embed.mint_session"),
    Method("refresh_embed_session", "embed.refresh_session"),
    Method("publish_embed_catalog", "embed.publish_catalog"),
    Method("list_builder_templates", "embed.list_builder_templates"),
    Method("create_builder_template", "embed.create_builder_template"),
    Method("list_embed_renders", "embed.list_renders"),
    Method("get_embed_render", "embed.get_render", further=_SESSION),
    Method("download_embed_render", "embed.download", further=_FILE),
    Method("submit_embed_form", "embed.submit_form", further=_SESSION),
    Method(
        "upload_embed_form_image",
        "embed.upload_form_image",
        {"file": "image"},
        {**_SESSION, "filename": "photo.png", "content_type": "image/png"},
    ),
    Method("list_projects", "projects.list"),
    Method("create_project", "projects.create"),
    Method("get_project", "projects.get"),
    Method("update_project", "projects.rename"),
    Method("delete_project", "projects.delete"),
    Method("create_project_key", "projects.create_key"),
    Method("provision_org", "provision"),
    Method("update_provisioned_org", "update"),
    Method("trigger_hook", "hooks.trigger", {WHOLE: "data"}),
    Method("get_health", "health"),
    Method("get_liveness", "liveness"),
)

BY_OPERATION = {method.operation: method for method in METHODS}

# What else is public and sends something; each stands on the method of the operation.
FURTHER_METHODS = {
    "signatures.list": "list_signatures",
    "renders.read": "download_render",
    "renders.stream": "download_render",
}

# Members of a body that no argument sends, and why.
LEFT_OUT = {
    "render_template": {
        "jobId": "the counterpart of the Idempotency-Key header, which wins and which `idempotency_key` always sends",
        "options.sync": "without effect, by the document",
    },
    "put_template": {"slug": "ignored by the service, by the document: the path decides"},
}

# Members that the document takes for optional, as a guess, and the design does not.
NEEDED = {"update_provisioned_org": {"externalOrgId": "org-77"}}

# Members that exclude each other, so that a full body has one of them.
EXCLUSIVE = {"mint_embed_session": ("variableCatalog", "catalogRef")}


def make_client(operation: Described, transport: Transport, retries: RetryPolicy = ONCE) -> Client:
    """Make the client that has the operation's credential."""
    kinds: dict[str, type[Client]] = {"accountKey": CraftkitAccount, "adminKey": CraftkitAdmin}
    kind = operation.credentials[0] if operation.credentials else "projectKey"
    key = KEYS.get(kind, KEYS["projectKey"])
    return kinds.get(kind, Craftkit)(key, transport=transport, retries=retries)


async def invoke(client: Client, name: str, arguments: Mapping[str, Any]) -> Any:
    """Call a public method of a client."""
    return await attrgetter(name)(client)(**arguments)


async def call(method: Method, transport: Transport, arguments: Mapping[str, Any] | None = None) -> Any:
    """Call the method of an operation once, with a minimum of arguments unless others are given."""
    given = method.arguments(minimal_body(method)) if arguments is None else arguments
    async with make_client(method.described, transport) as client:
        return await invoke(client, method.name, given)


def minimal_body(method: Method) -> Any:
    """Return the smallest body that the operation takes."""
    return body_of(method, full=False)


def body_of(method: Method, *, full: bool) -> Any:
    """Return a body of the operation, without what no argument sends."""
    schema = method.described.body
    if schema is None:
        return None
    body = sample(schema, full=full)
    for dotted in LEFT_OUT.get(method.operation, ()):
        owner, _, member = dotted.rpartition(".")
        (body.get(owner, {}) if owner else body).pop(member, None)
    return {**body, **NEEDED.get(method.operation, {}), **({"file": b"\x89PNG"} if "file" in body else {})}


def full_bodies(method: Method) -> list[Any]:
    """Return bodies that have every member between them."""
    body = body_of(method, full=True)
    excluding = EXCLUSIVE.get(method.operation)
    if excluding is None:
        return [body]
    return [{name: value for name, value in body.items() if name != left_out} for left_out in excluding]


def method_of(method: Method) -> Any:
    """Return the method as it hangs on its client."""
    return attrgetter(method.name)(make_client(method.described, FakeTransport([])))


def signature_of(method: Method) -> inspect.Signature:
    """Return the signature of the method as its caller sees it."""
    return inspect.signature(method_of(method))
