"""The public names follow the design: lists in order, operations as they are called, errors as they derive."""

import ast
import inspect
from collections.abc import Mapping
from operator import attrgetter
from types import ModuleType
from typing import Any

import pytest

import craftkit_async
from craftkit_async import Craftkit, CraftkitAccount, CraftkitAdmin, errors, observe
from tests.contract.methods import FURTHER_METHODS, METHODS

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


@pytest.mark.parametrize("package", [craftkit_async, observe], ids=lambda package: package.__name__)
def test_all_is_what_there_is(package: ModuleType) -> None:
    """A package that imports its names when they are first asked for shows them all, and no others."""
    there = {name: getattr(package, name) for name in dir(package)}
    found = {name for name, value in there.items() if not name.startswith("_") and not isinstance(value, ModuleType)}

    assert set(package.__all__) - {"__version__"} == found


def test_unknown_name_is_no_attribute() -> None:
    """A misspelt name fails as it does in any module."""
    with pytest.raises(AttributeError, match=r"'craftkit_async\.observe' has no attribute 'Sumbitted'"):
        getattr(observe, "Sumbitted")  # noqa: B009 - the type checker knows that it is not there


async def test_constructor_takes_every_default_as_it_is() -> None:
    """Passing what is the default anyway changes nothing."""
    for client in (Craftkit, CraftkitAccount, CraftkitAdmin):
        defaults = {name: item.default for name, item in inspect.signature(client).parameters.items()}

        assert repr(client(**defaults)) == repr(client())


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
