"""The public names are those of the design: what exists, how it is called, and what it is by default."""

import ast
import inspect
from collections.abc import Mapping
from operator import attrgetter
from types import ModuleType
from typing import Any

import attrs
import pytest

import craftkit_async
from craftkit_async import (
    Craftkit,
    CraftkitAccount,
    CraftkitAdmin,
    Limits,
    PollPolicy,
    RenderStatus,
    RetryPolicy,
    Timeouts,
    errors,
)
from tests.contract.methods import FURTHER_METHODS, METHODS

NAMES = [
    "Craftkit",
    "CraftkitAccount",
    "CraftkitAdmin",
    "Timeouts",
    "RetryPolicy",
    "PollPolicy",
    "Limits",
    "capture_responses",
    "Render",
    "RenderStatus",
    "Issue",
    "Statistics",
    "derive_key",
    "Transport",
    "Request",
    "Reply",
    "Observer",
    "Event",
    "Submitted",
    "AttemptFailed",
    "Retried",
    "Throttled",
    "Polled",
    "DeliveryReceived",
    "DeliveryRefused",
    "Completed",
    "TimedOut",
    "Abandoned",
    "Downloaded",
    "HandlerFailed",
    "Webhook",
    "RenderSucceeded",
    "RenderFailed",
    "SignatureEvent",
    "FormSubmitted",
    "UnknownEvent",
    "WebhookVerifier",
    "sign",
    "RenderHandle",
    "RenderRequest",
    "Batch",
    "Outcome",
    "BatchReport",
    "WebhookInbox",
    "Receipt",
    "Relay",
]

# Comes with the check of data against manifests.
LATER = {"check"}

# What only the client of a project takes: the others render nothing.
OF_WAITING = {"webhook_secret", "webhooks", "polling", "relay", "project"}

CLIENT: dict[str, Any] = {
    "base_url": None,
    "webhook_secret": None,
    "webhooks": "auto",
    "session": None,
    "download_session": None,
    "proxy": None,
    "ssl": None,
    "private_network": False,
    "transport": None,
    "timeouts": Timeouts(),
    "retries": RetryPolicy(),
    "polling": PollPolicy(),
    "limits": Limits(),
    "relay": None,
    "project": None,
    "observers": (),
    "check": "off",
}

OPTIONS: dict[type, dict[str, float]] = {
    Timeouts: {"connect": 10.0, "request": 30.0, "idle": 30.0, "wait": 300.0, "close": 10.0, "handler": 600.0},
    RetryPolicy: {
        "attempts": 5,
        "first_delay": 0.5,
        "max_delay": 30.0,
        "max_retry_after": 60.0,
        "total": 120.0,
        "quota": 500,
    },
    PollPolicy: {
        "first": 0.25,
        "factor": 2.0,
        "max": 5.0,
        "jitter": 0.2,
        "adaptive": True,
        "net_first": 5.0,
        "net_max": 60.0,
        "not_found_grace": 5.0,
    },
    Limits: {
        "requests": 256,
        "first_requests": 16,
        "downloads": 16,
        "open_renders": 1000,
        "reply_bytes": 16 * 2**20,
        "download_bytes": 256 * 2**20,
        "webhook_bytes": 2**20,
        "mailbox": 10_000,
        "mailbox_age": 60.0,
        "handlers": 64,
        "templates_learned": 1000,
        "secrets_tried": 64,
    },
}

# The table of operations as the design writes it; `more` stands for the fields that the contract adds.
OPERATIONS = {
    "templates.list": "",
    "templates.get": "slug",
    "templates.create": "name, *, manifest, **more",
    "templates.put": "slug, *, name, manifest, only_if_changed=False, **more",
    "templates.delete": "slug",
    "templates.render": "slug, data, *, idempotency_key=None, version=None, filename=None",
    "renders.get": "id",
    "renders.download": "what, path, *, max_bytes=None, progress=None",
    "renders.read": "what",
    "renders.stream": "what",
    "renders.email": "id, *, to, **more",
    "shares.create": "render_id, **more",
    "shares.list": "render_id",
    "shares.revoke": "render_id, share_id",
    "engagement.track": "render_id, event_type, *, metadata=None",
    "engagement.get": "render_id",
    "signatures.create": "render_id, *, recipients, idempotency_key=None, **more",
    "signatures.list": "**more",
    "signatures.list_page": "**more",
    "signatures.get": "id",
    "signatures.cancel": "id, *, reason=None",
    "signatures.download": "id, path",
    "signatures.certificate": "id, path",
    "embed.mint_session": "**more",
    "embed.refresh_session": "renew_token",
    "embed.publish_catalog": "name, catalog",
    "embed.create_builder_template": "document_template",
    "embed.list_builder_templates": "",
    "embed.list_renders": "**more",
    "embed.get_render": "id, *, session_token",
    "embed.download": "id, path",
    "embed.submit_form": "session_id, data, *, session_token, **more",
    "embed.upload_form_image": "session_id, image, *, session_token, filename, content_type",
    "hooks.trigger": "token, data, *, secret=None",
    "projects.create": "name",
    "projects.list": "",
    "projects.get": "id",
    "projects.rename": "id, name",
    "projects.delete": "id",
    "projects.create_key": "id, *, name=None",
    "health": "",
    "liveness": "",
    "provision": "external_org_id, **more",
    "update": "external_org_id, **more",
}

# Each class of error with what it derives from.
ERRORS: dict[str, tuple[type[BaseException], ...]] = {
    "CraftkitError": (Exception,),
    "ConfigurationError": (errors.CraftkitError, ValueError),
    "MissingExtraError": (errors.ConfigurationError, ImportError),
    "ClientStateError": (errors.CraftkitError, RuntimeError),
    "InvalidDataError": (errors.CraftkitError,),
    "TransportError": (errors.CraftkitError,),
    "TransportTimeoutError": (errors.TransportError, TimeoutError),
    "ApiError": (errors.CraftkitError,),
    "InvalidRequestError": (errors.ApiError,),
    "AuthenticationError": (errors.ApiError,),
    "PaymentRequiredError": (errors.ApiError,),
    "ForbiddenError": (errors.ApiError,),
    "NotFoundError": (errors.ApiError,),
    "ConflictError": (errors.ApiError,),
    "RateLimitedError": (errors.ApiError,),
    "ServerError": (errors.ApiError,),
    "DecodeError": (errors.CraftkitError,),
    "RenderFailedError": (errors.CraftkitError,),
    "WaitTimeoutError": (errors.CraftkitError, TimeoutError),
    "RelayError": (errors.CraftkitError,),
    "DownloadError": (errors.CraftkitError,),
    "JournalError": (errors.CraftkitError,),
    "DeliveryError": (errors.CraftkitError,),
    "SignatureError": (errors.DeliveryError,),
    "StaleDeliveryError": (errors.DeliveryError,),
    "MalformedDeliveryError": (errors.DeliveryError,),
    "DeliveryTooLargeError": (errors.DeliveryError,),
}

# The fields of a class that the design names, in its order where they are given by position.
FIELDS = {
    "ApiError": "status code message issues method path idempotency_key attempts retry_after",
    "InvalidDataError": "issues",
    "Issue": "path message level code",
    "Render": "id status download_url error_message created_at completed_at duration_ms poll_url",
    "Statistics": """
        pending in_flight waiting_for_slot window mailbox submitted replayed completed_by_webhook completed_by_poll
        completed_by_relay failed timed_out polls retries throttled deliveries duplicates refused handler_failures
        downloads""",
    "Webhook": "event raw",
    "RenderSucceeded": "event raw render template_id",
    "RenderFailed": "event raw render template_id",
    "SignatureEvent": "event raw signature_request_id render_id status name recipients reason",
    "FormSubmitted": "event raw session_id template_slug template_version render_id data submitted_at",
    "UnknownEvent": "event raw",
    "DeliveryError": "message",
    "RenderFailedError": "render",
    "WaitTimeoutError": "render_id idempotency_key",
    "CapturedResponse": "status headers attempts elapsed",
    "RenderRequest": "template data key idempotency_key version filename",
    "Outcome": "index request render error attempts source path",
}


def test_all_is_sorted_and_true() -> None:
    """Constants, classes and functions stand in order, nothing twice, and the package has exactly these names."""
    exported = craftkit_async.__all__
    in_order = sorted(exported, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    there = {name: getattr(craftkit_async, name) for name in dir(craftkit_async)}
    found = {name for name, value in there.items() if not name.startswith("_") and not isinstance(value, ModuleType)}

    assert exported == in_order
    assert len(set(exported)) == len(exported)
    assert set(exported) == found | {"__version__"}


@pytest.mark.parametrize("name", [*NAMES, *ERRORS])
def test_name_of_the_design_is_exported(name: str) -> None:
    """What the design says can be imported from the package can be."""
    assert name in craftkit_async.__all__
    assert hasattr(craftkit_async, name)


@pytest.mark.parametrize("client", [Craftkit, CraftkitAccount, CraftkitAdmin])
def test_client_takes_the_arguments_of_the_design(client: type) -> None:
    """The key may be given by position, everything else by keyword, and each default is the design's."""
    (key, *others) = inspect.signature(client).parameters.values()

    assert (key.name, key.kind, key.default) == ("api_key", key.POSITIONAL_OR_KEYWORD, None)
    assert {item.name: item.default for item in others} == _defaults(client)
    assert all(item.kind is item.KEYWORD_ONLY for item in others)


def _defaults(client: type) -> dict[str, Any]:
    left_out = LATER if client is Craftkit else LATER | OF_WAITING
    return {name: default for name, default in CLIENT.items() if name not in left_out}


async def test_constructor_takes_every_default_as_it_is() -> None:
    """Passing what is the default anyway changes nothing."""
    for client in (Craftkit, CraftkitAccount, CraftkitAdmin):
        assert repr(client(None, **_defaults(client))) == repr(client())


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.__name__)
def test_options_have_the_defaults_of_the_design(option: type) -> None:
    """Field by field, by keyword, in the design's order."""
    assert attrs.asdict(option()) == OPTIONS[option]
    assert list(attrs.asdict(option())) == list(OPTIONS[option])
    assert all(field.kw_only for field in attrs.fields(option))


def test_table_of_operations_is_whole() -> None:
    """It names every method that sends something."""
    assert set(OPERATIONS) == {method.name for method in METHODS} | set(FURTHER_METHODS)


@pytest.mark.parametrize(("name", "designed"), OPERATIONS.items(), ids=OPERATIONS)
def test_operation_is_called_as_the_design_says(name: str, designed: str) -> None:
    """Order and kind of the arguments, and the defaults that are given; whatever else there is has a default."""
    arguments = _parse(designed)
    clients = (Craftkit("x"), CraftkitAccount("x"), CraftkitAdmin("x"))
    [client] = [client for client in clients if _has(client, name)]
    actual = inspect.signature(attrgetter(name)(client)).parameters
    by_position = [item.name for item in actual.values() if item.kind is item.POSITIONAL_OR_KEYWORD]
    required = {
        item.name for item in actual.values() if item.default is item.empty and item.kind is not item.VAR_KEYWORD
    }

    assert by_position == [argument.arg for argument in arguments.args]
    # A RenderRequest in place of the slug carries its data.
    optional = {"data"} if name == "templates.render" else set()
    assert required - _needed_by_contract(name) == {argument.arg for argument in arguments.args} - optional | {
        keyword for keyword, default in _keywords(arguments).items() if default is ...
    }
    for keyword, default in _keywords(arguments).items():
        assert default is ... or actual[keyword].default == default
    assert "timeout" in actual
    assert actual["timeout"].kind is inspect.Parameter.KEYWORD_ONLY


def _parse(designed: str) -> ast.arguments:
    function = ast.parse(f"lambda {designed}: 0", mode="eval").body
    assert isinstance(function, ast.Lambda)
    return function.args


def _keywords(arguments: ast.arguments) -> Mapping[str, Any]:
    defaults = [... if default is None else ast.literal_eval(default) for default in arguments.kw_defaults]
    return dict(zip((argument.arg for argument in arguments.kwonlyargs), defaults, strict=True))


def _has(client: object, name: str) -> bool:
    try:
        return bool(attrgetter(name)(client))
    except AttributeError:
        return False


def _needed_by_contract(name: str) -> set[str]:
    """Return what the design leaves to the contract, and the contract requires."""
    return {"tenant", "actor"} if name == "embed.mint_session" else set()


@pytest.mark.parametrize(("name", "bases"), ERRORS.items(), ids=ERRORS)
def test_error_stands_where_the_tree_has_it(name: str, bases: tuple[type, ...]) -> None:
    """Programs catch by these classes, and by the builtin ones beside them."""
    assert getattr(craftkit_async, name).__bases__ == bases


def test_errors_are_exactly_those_of_the_tree() -> None:
    """There is no class of error that the design does not have."""
    found = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}

    assert found == set(ERRORS)


@pytest.mark.parametrize(("name", "fields"), FIELDS.items(), ids=FIELDS)
def test_class_has_the_fields_of_the_design(name: str, fields: str) -> None:
    """Under their names."""
    found = {field.name for field in attrs.fields(getattr(craftkit_async, name))}

    assert set(fields.split()) <= found


def test_statuses_of_a_render() -> None:
    """The published ones, in the order of a render's life."""
    assert [*RenderStatus] == ["queued", "rendering", "succeeded", "failed", "cancelled"]


def test_derive_key_is_called_as_the_design_says() -> None:
    """Batches on every machine use this one formula with these parts."""
    parts = ["namespace", "template", "version", "filename", "row_key", "data", "attempt"]

    assert list(inspect.signature(craftkit_async.derive_key).parameters) == parts
    assert inspect.signature(craftkit_async.derive_key).parameters["attempt"].default == 1


def test_verifier_is_called_as_the_design_says() -> None:
    """The secret by position, the bounds by keyword; body and headers by position, the time by keyword."""
    made = inspect.signature(craftkit_async.WebhookVerifier).parameters
    called = inspect.signature(craftkit_async.WebhookVerifier.verify).parameters

    assert {name: item.default for name, item in made.items()} == {
        "secret": inspect.Parameter.empty,
        "tolerance": None,
        "max_body": 2**20,
    }
    assert {name: item.kind is item.KEYWORD_ONLY for name, item in {**made, **called}.items()} == {
        "secret": False,
        "tolerance": True,
        "max_body": True,
        "self": False,
        "body": False,
        "headers": False,
        "now": True,
    }
    assert list(inspect.signature(craftkit_async.sign).parameters) == ["body", "secret"]


def test_batch_is_started_as_the_design_says() -> None:
    """The rows by position, everything else by keyword, each with the design's default."""
    rows, *others = inspect.signature(Craftkit("x").render_many).parameters.values()

    assert (rows.name, rows.kind) == ("requests", rows.POSITIONAL_OR_KEYWORD)
    assert {item.name: item.default for item in others} == {
        "concurrency": None,
        "ordered": False,
        "journal": None,
        "namespace": None,
        "retry_failed": False,
        "on_changed": "error",
        "timeout": 600.0,
        "download_to": None,
    }
    assert all(item.kind is item.KEYWORD_ONLY for item in others)
