"""RenderRequest: the arguments of a submit, as one value."""

from typing import Any

import pytest

from craftkit_async import ConfigurationError, RenderRequest
from craftkit_async._sansio.calls.call import OMITTED
from craftkit_async._sansio.calls.render_request import to_request
from tests.support.service import Service

pytestmark = pytest.mark.virtual_time


def test_arguments_become_a_request() -> None:
    """Each under its name."""
    request = to_request("t", {"n": 1}, "key", 2, "file.pdf")

    assert request == RenderRequest("t", {"n": 1}, idempotency_key="key", version=2, filename="file.pdf")


def test_a_request_stays_as_it_is() -> None:
    """Its key names a row of a batch, and is ignored elsewhere."""
    request = RenderRequest("t", {}, key="row")

    assert to_request(request, OMITTED, None, None, None) is request


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (({}, None, None, None), "data"),
        ((OMITTED, "k", 2, None), "version, idempotency_key"),
        ((OMITTED, None, None, "f"), "filename"),
    ],
)
def test_a_request_takes_nothing_beside_it(given: Any, named: str) -> None:
    """Two values for one thing are a mistake."""
    with pytest.raises(ConfigurationError, match=f"a RenderRequest carries its own {named}; leave"):
        to_request(RenderRequest("t", {}), *given)


def test_data_that_is_missing_is_said() -> None:
    """None is a value that data may have, and is refused where it is encoded."""
    with pytest.raises(ConfigurationError, match="data is missing"):
        to_request("t", OMITTED, None, None, None)


async def test_calls_take_a_request() -> None:
    """In place of a template and its data."""
    service = Service(ends_after=0.1)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit(RenderRequest("t", {}, idempotency_key="k1"))
        render = await craftkit.render(RenderRequest("t", {}, idempotency_key="k2"), timeout=9.0)
        queued = await craftkit.templates.render(RenderRequest("t", {}, idempotency_key="k3"))

    assert (handle.template, handle.idempotency_key) == ("t", "k1")
    assert render.is_succeeded
    assert queued.id == "r3"
    assert service.keys == ["k1", "k2", "k3"]
