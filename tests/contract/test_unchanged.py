"""`put(only_if_changed=True)` writes a version only where something would change."""

from typing import Any

import pytest

from craftkit_async import ConfigurationError, Craftkit, Manifest, NotFoundError, ServerError, Variable
from craftkit_async.testing import FakeReply, FakeTransport
from tests.contract.document import BY_ID
from tests.contract.methods import ONCE

STORED = {**BY_ID["get_template"].example, "description": "One page."}
MANIFEST = STORED["manifest"]
SAME = {"name": STORED["name"], "manifest": MANIFEST}

PUT = FakeReply(status=201, json={**BY_ID["put_template"].example, "currentVersionNumber": 9})


async def put(stored: FakeReply, **arguments: Any) -> tuple[int, list[str]]:
    """Put a template where another is stored; return the version that is current then, and the verbs sent."""
    transport = FakeTransport([stored, PUT])
    async with Craftkit("ck_test_key", transport=transport, retries=ONCE) as craftkit:
        published = await craftkit.templates.put("delivery-note", only_if_changed=True, **arguments)
    return published.current_version_number, [request.method for request in transport.requests]


UNCHANGED: dict[str, dict[str, Any]] = {
    "as stored": SAME,
    "with the description": {**SAME, "description": "One page."},
    "as classes": {
        **SAME,
        "manifest": Manifest((Variable("customer.name", "Customer", "text", required=True),)),
    },
}


@pytest.mark.parametrize("arguments", UNCHANGED.values(), ids=UNCHANGED)
async def test_same_content_is_not_put(arguments: dict[str, Any]) -> None:
    """Every put adds a version, so the same content is left alone, and the current version is the result."""
    assert await put(FakeReply(json=STORED), **arguments) == (STORED["currentVersionNumber"], ["GET"])


async def test_what_the_service_added_is_no_change() -> None:
    """A manifest that is read back may have gained members."""
    gained = {**MANIFEST, "hash": "x", "variables": [{**MANIFEST["variables"][0], "position": 1}]}

    assert await put(FakeReply(json={**STORED, "manifest": gained}), **SAME) == (1, ["GET"])


CHANGED: dict[str, dict[str, Any]] = {
    "name": {**SAME, "name": "Delivery slip"},
    "description": {**SAME, "description": "Two pages."},
    "description removed": {**SAME, "description": None},
    "variable removed": {**SAME, "manifest": {"variables": [], "loops": []}},
    "variable changed": {**SAME, "manifest": {**MANIFEST, "variables": [{"key": "customer.name"}]}},
    "unknown member added": {
        **SAME,
        "manifest": {**MANIFEST, "variables": [{**MANIFEST["variables"][0], "integer": True}]},
    },
    "loop added": {**SAME, "manifest": {**MANIFEST, "loops": [{"key": "items", "label": "x", "itemFields": []}]}},
    "layout": {**SAME, "layout": {"blocks": []}},
    "page set-up": {**SAME, "page_config": {"format": "A4"}},
}


@pytest.mark.parametrize("arguments", CHANGED.values(), ids=CHANGED)
async def test_other_content_is_put(arguments: dict[str, Any]) -> None:
    """A layout or a page set-up cannot be read back, so giving one always counts as a change."""
    reads = [] if {"layout", "page_config"} & set(arguments) else ["GET"]
    stored = FakeReply(json=STORED) if reads else PUT

    assert await put(stored, **arguments) == (9, [*reads, "PUT"])


NOT_PUBLISHED: dict[str, FakeReply] = {
    "absent": FakeReply(status=404, json={"error": {"code": "template_not_found"}}),
    "unpublished": FakeReply(
        json={**STORED, "published": False, "manifest": None, "jsonSchema": None, "currentVersionNumber": None}
    ),
    "no manifest": FakeReply(json={**STORED, "manifest": None}),
    "no version": FakeReply(json={**STORED, "currentVersionNumber": None}),
}


@pytest.mark.parametrize("stored", NOT_PUBLISHED.values(), ids=NOT_PUBLISHED)
async def test_what_is_not_published_is_put(stored: FakeReply) -> None:
    """With nothing to compare with, the put goes ahead."""
    assert await put(stored, **SAME) == (9, ["GET", "PUT"])


async def test_failing_look_fails_the_put() -> None:
    """Without knowing what is there, nothing is written."""
    with pytest.raises(ServerError):
        await put(FakeReply(status=500), **SAME)


async def test_manifest_that_is_no_manifest_is_refused() -> None:
    """Before anything is sent, in a sentence that says where."""
    with pytest.raises(ConfigurationError, match=r"manifest: does not fit: \$\.variables"):
        await put(PUT, name="x", manifest={"variables": "none", "loops": []})


async def test_error_of_the_put_itself_stands() -> None:
    """A 404 of the put is no answer to the look."""
    transport = FakeTransport(lambda _: FakeReply(status=404))

    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        with pytest.raises(NotFoundError):
            await craftkit.templates.put("x", name="x", manifest={}, only_if_changed=True)

    assert [request.method for request in transport.requests] == ["GET", "PUT"]
