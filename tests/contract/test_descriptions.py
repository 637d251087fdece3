"""Every operation of the contract has one description and one public method, and there are no others."""

import inspect
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules
from typing import Any

import pytest

from craftkit_async import Craftkit, CraftkitAccount, CraftkitAdmin, capture_responses, resources
from craftkit_async._sansio.calls.call import Operation
from craftkit_async.resources.resource import Resource
from craftkit_async.testing import FakeReply, FakeTransport
from tests.contract.document import OPERATIONS, Described
from tests.contract.methods import (
    ABOUT,
    BY_OPERATION,
    FURTHER_METHODS,
    METHODS,
    Client,
    Method,
    call,
    make_client,
    minimal_body,
)

DESCRIPTIONS = {
    id(value): value
    for module in iter_modules(resources.__path__, f"{resources.__name__}.")
    for value in vars(import_module(module.name)).values()
    if isinstance(value, Operation)
}.values()

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)

# What the clients can do besides asking for operations.
_NO_OPERATION = {
    "is_open",
    "aclose",
    "statistics",
    "with_api_key",
    "submit",
    "render",
    "wait",
    "attach",
    "inbox",
    "render_many",
}


def test_descriptions_are_exactly_those_of_the_contract() -> None:
    """No operation is forgotten, described twice, or made up."""
    described = Counter(description.name for description in DESCRIPTIONS)

    assert described == Counter(operation.id for operation in OPERATIONS)


@each_operation
def test_description_says_what_the_contract_says(operation: Described) -> None:
    """Method, path, credential and retry class are the contract's own; of two credentials a backend has the first."""
    [description] = [description for description in DESCRIPTIONS if description.name == operation.id]
    credential = operation.credentials[0] if operation.credentials else "none"

    assert (description.method, description.path) == (operation.method, operation.path)
    assert description.credential.value == credential
    assert description.retry.value == operation.node["x-retry"]
    assert description.about == ABOUT.get(operation.id)


@each_operation
def test_parts_of_the_path_are_its_parameters(operation: Described) -> None:
    """The document's own parameters are complete, so that the other tests may rely on them."""
    declared = {parameter["name"] for parameter in operation.parameters("path")}

    assert all(f"{{{name}}}" in operation.path for name in declared)
    assert operation.path.count("{") == len(declared)


def test_every_operation_has_exactly_one_method() -> None:
    """The table of the design is whole."""
    assert Counter(method.operation for method in METHODS) == Counter(operation.id for operation in OPERATIONS)
    assert len({method.name for method in METHODS}) == len(METHODS)


def test_every_public_method_is_in_the_table() -> None:
    """Nothing public sends an operation that no test knows of."""
    clients: list[Client] = [Craftkit("ck_test_x"), CraftkitAccount("ck_acct_x"), CraftkitAdmin("x")]
    found = {name for client in clients for name in _methods(client)}

    assert found == {method.name for method in METHODS} | set(FURTHER_METHODS) | _NO_OPERATION


def _methods(owner: object, prefix: str = "") -> Iterator[str]:
    for name, value in inspect.getmembers(owner):
        if name.startswith("_"):
            continue
        if isinstance(value, Resource):
            yield from _methods(value, f"{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize(("name", "operation"), FURTHER_METHODS.items(), ids=FURTHER_METHODS)
async def test_further_method_sends_an_operation_too(name: str, operation: str) -> None:
    """What stands on an operation sends that operation and no other."""
    method = BY_OPERATION[operation]
    with_path = method.arguments(minimal_body(method))
    arguments = {argument: value for argument, value in with_path.items() if argument != "path"}
    _, kind, media = next(method.described.replies())
    reply = FakeReply(body=b"%PDF-1.7") if kind == "application/pdf" else FakeReply(json=media["schema"]["example"])

    with capture_responses() as seen:
        async with make_client(method.described, FakeTransport([reply])) as client:
            await _drained(attrgetter(name)(client)(**arguments))

    assert [response.operation for response in seen] == [operation]


async def _drained(result: Any) -> None:
    """Wait for a coroutine, an iterator or a context manager over one, to its end."""
    if hasattr(result, "__aenter__"):
        async with result as pieces:
            assert [piece async for piece in pieces]
    elif hasattr(result, "__aiter__"):
        assert [item async for item in result]
    else:
        await result


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.operation)
async def test_method_sends_its_own_operation(method: Method, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name in the table leads to the operation beside it, and one call is one request."""
    monkeypatch.chdir(tmp_path)
    _, kind, media = next(method.described.replies())
    body = {"body": b"%PDF-1.7"} if kind == "application/pdf" else {"json": media["schema"]["example"]}
    transport = FakeTransport([FakeReply(**body)])

    with capture_responses() as seen:
        await call(method, transport)

    assert [response.operation for response in seen] == [method.operation]
