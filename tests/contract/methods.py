"""Which public method sends which operation, read from the code, and by which arguments."""

import inspect
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from types import CodeType
from typing import Any

import attrs

from craftkit_async import Craftkit, CraftkitAccount, CraftkitAdmin, RetryPolicy, Transport
from craftkit_async._sansio.calls.call import Operation
from craftkit_async.resources.resource import Resource
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

    def arguments_about(self, document: Any) -> dict[str, Any]:
        """Return a minimum of arguments that ask for what a reply is about."""
        arguments = self.arguments(minimal_body(self))
        part, member = ABOUT.get(self.operation, ("", ""))
        if isinstance(document, Mapping) and isinstance(document.get(member), str):
            arguments[self.argument(part)] = document[member]
        return arguments

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


# The part of the path that a reply repeats, and the member that does.
ABOUT = {
    **dict.fromkeys(("get_template", "put_template", "delete_template"), ("slug", "slug")),
    **dict.fromkeys(("get_render", "get_signature", "cancel_signature"), ("id", "id")),
    **dict.fromkeys(("get_project", "update_project", "delete_project"), ("id", "id")),
    "revoke_share": ("shareId", "id"),
}

# In place of a member's name: the argument is the whole body.
WHOLE = ""

_FILE = {"path": Path("document.pdf")}
_SESSION = {"session_token": SESSION_TOKEN}
_OPTIONS = {"options.versionNumber": "version", "options.filename": "filename"}

# What differs between the arguments of a method and the members that it sends.
_ARGUMENTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "render_template": {"renamed": _OPTIONS},
    "download_render": {"renamed": {"id": "what"}, "further": _FILE},
    "list_shares": {"renamed": {"id": "render_id"}},
    "create_share": {"renamed": {"id": "render_id"}},
    "revoke_share": {"renamed": {"id": "render_id"}},
    "track_event": {"renamed": {"id": "render_id"}},
    "get_engagement": {"renamed": {"id": "render_id"}},
    "download_signature": {"further": _FILE},
    "download_signature_certificate": {"further": _FILE},
    "get_embed_render": {"further": _SESSION},
    "download_embed_render": {"further": _FILE},
    "submit_embed_form": {"further": _SESSION},
    "upload_embed_form_image": {
        "renamed": {"file": "image"},
        "further": {**_SESSION, "filename": "photo.png", "content_type": "image/png"},
    },
    "trigger_hook": {"renamed": {WHOLE: "data"}},
}

# Of several methods that send one operation, the one that the other tests call.
_FIRST = ("renders.download", "signatures.list_page")


def _public_methods() -> Iterator[tuple[str, Any]]:
    """Go over what hangs on the clients, and over the clients themselves."""
    for client in (Craftkit("ck_test_x"), CraftkitAccount("ck_acct_x"), CraftkitAdmin("x")):
        for noun, resource in inspect.getmembers(client):
            if isinstance(resource, Resource) and not noun.startswith("_"):
                yield from ((f"{noun}.{name}", method) for name, method in _methods_of(resource))
        for name, method in _methods_of(client):
            # The rarer ones pass everything on to a resource of their own.
            resources = [value for each, value in inspect.getmembers(client) if each in ("_system", "_provisioning")]
            inner = [getattr(resource, name) for resource in resources if hasattr(resource, name)]
            yield from ((name, each) for each in inner or [method])


def _methods_of(owner: object) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in inspect.getmembers(owner, inspect.ismethod) if not name.startswith("_")]


def _operation_of(function: Any, owner: type, seen: frozenset[Any] = frozenset()) -> str | None:
    """Find the operation that the code of a method names, itself or in a function or method that it calls."""
    names = [*_names_in(function.__code__)]
    values = [function.__globals__.get(name) for name in names]
    for value in values:
        if isinstance(value, Operation):
            return value.name
    called = [
        value for value in (*values, *(getattr(owner, name, None) for name in names)) if inspect.isfunction(value)
    ]
    found = (_operation_of(value, owner, seen | {function}) for value in called if value not in seen)
    return next(filter(None, found), None)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names_in(inner)


SENDING = {
    name: operation
    for name, method in _public_methods()
    if (operation := _operation_of(method.__func__, type(method.__self__))) is not None
}
"""The operation of each public method, as its code says."""

_NAMES = {operation: name for name, operation in reversed(SENDING.items())} | {SENDING[name]: name for name in _FIRST}

METHODS = tuple(
    Method(operation.id, _NAMES[operation.id], **_ARGUMENTS.get(operation.id, {})) for operation in BY_ID.values()
)

BY_OPERATION = {method.operation: method for method in METHODS}

FURTHER_METHODS = {name: operation for name, operation in SENDING.items() if name not in _NAMES.values()}
"""What else is public and sends something; each stands on the method of the operation."""

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
