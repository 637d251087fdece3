"""Models: frozen, and with nothing secret or personal in what they print."""

import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

import craftkit_async
from craftkit_async import Health, HealthChecks, Issue, OpenObject, Render, RenderStatus
from tests.support.model_strategies import MODELS, instances

WHEN = datetime(2026, 1, 2, tzinfo=UTC)

# Keys, tokens, addresses that open a document, people's addresses, and what people filled in.
SECRET = {
    "key", "session_token", "renew_token", "share_token", "email", "recipient_email", "download_url", "poll_url",
    "share_url", "iframe_url", "signed_download_url", "certificate_url", "prefill", "source_ip", "user_agent", "raw",
}  # fmt: skip

# A variable's and a catalog's key is the name of a place in the data.
NO_SECRETS = {"Variable", "Loop", "CatalogField", "CatalogLoop", "CatalogNamespace"}


@pytest.mark.parametrize("model", [*MODELS, OpenObject], ids=lambda model: model.__name__)
def test_secrets_are_not_printed(model: Any) -> None:
    """Fields that hold a secret or personal data are left out of `repr`."""
    if model.__name__ not in NO_SECRETS:
        shown = [field.name for field in attrs.fields(model) if field.name in SECRET and field.repr]

        assert shown == []


@pytest.mark.parametrize("model", [*MODELS, OpenObject], ids=lambda model: model.__name__)
def test_models_are_frozen_documented_and_exported(model: Any) -> None:
    """A model is a value: it has a docstring and a public name, and nobody changes it."""
    assert inspect.getdoc(model)
    assert getattr(craftkit_async, model.__name__) is model
    assert model.__setattr__ is not object.__setattr__


@given(st.data())
def test_equal_values_are_equal(data: st.DataObject) -> None:
    """Two models with the same fields are the same value."""
    instance = data.draw(st.sampled_from(MODELS).flatmap(instances))

    assert attrs.evolve(instance) == instance


@pytest.mark.parametrize(
    ("status", "proof", "is_final", "is_succeeded"),
    [
        ("queued", {}, False, False),
        ("queued", {"completed_at": WHEN, "download_url": "u"}, False, False),
        ("rendering", {"error_message": "x"}, False, False),
        ("succeeded", {}, True, True),
        ("succeeded", {"error_message": "x"}, True, True),
        ("failed", {}, True, False),
        ("failed", {"download_url": "u"}, True, False),
        ("cancelled", {}, True, False),
        ("archived", {}, False, False),
        ("archived", {"duration_ms": 1.0, "created_at": WHEN, "poll_url": "u"}, False, False),
        ("archived", {"completed_at": WHEN}, True, False),
        ("archived", {"download_url": "u"}, True, True),
        ("archived", {"download_url": "u", "error_message": "x"}, True, False),
        ("archived", {"error_message": "x"}, True, False),
        ("", {}, False, False),
    ],
)
@pytest.mark.parametrize("as_member", [True, False])
def test_endings(status: str, proof: dict[str, Any], is_final: bool, is_succeeded: bool, as_member: bool) -> None:  # noqa: FBT001 - columns of the table
    """Known statuses decide; an unknown one is an ending only where the reply brings proof of one."""
    members = {member.value: member for member in RenderStatus}
    render = Render("r1", members.get(status, status) if as_member else status, **proof)

    assert render.is_final is is_final
    assert render.is_succeeded is is_succeeded


@given(instances(Render))
def test_success_is_an_ending(render: Render) -> None:
    """No render has succeeded that is not final."""
    assert render.is_final or not render.is_succeeded


def test_health() -> None:
    """Only `ok` is well."""
    assert Health("ok", "1", HealthChecks("ok")).is_ok
    assert not Health("degraded", "1", HealthChecks("down")).is_ok


def test_models_of_different_classes_are_never_equal() -> None:
    """Not even with the same fields, and nothing else is equal to a model."""
    assert Issue("a", "b") == Issue("a", "b")
    assert Issue("a", "b") != Issue("a", "c")
    assert Issue("a", "b") != ("a", "b", "error", None)
    assert len({Issue("a", "b"), Issue("a", "b"), Issue("a", "c")}) == 2


def test_elapsed_comes_from_the_two_moments() -> None:
    """Whoever brought them; what the service said is another thing."""
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert Render("r", created_at=start, completed_at=start + timedelta(seconds=1.5), duration_ms=9.0).elapsed == 1.5
    assert Render("r", created_at=start).elapsed is None
    assert Render("r", completed_at=start).elapsed is None
