"""Templates: puts that change nothing, and submits that were seen before."""

import logging
from typing import Any

import pytest

from craftkit_async import ConfigurationError, Craftkit, Manifest, TemplatePublished, TransportError, Variable
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

MANIFEST = Manifest((Variable("total", data_type="number", required=True),))
WIRE = {"variables": [{"key": "total", "dataType": "number", "required": True}], "loops": []}
STORED: dict[str, Any] = {
    "id": "t1",
    "name": "Invoice",
    "slug": "invoice",
    "published": True,
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:00.000Z",
    "currentVersionNumber": 4,
    "description": "for customers",
    "manifest": WIRE,
}
PUT = FakeReply(json={"id": "t1", "slug": "invoice", "currentVersionNumber": 5, "manifest": WIRE})


def client(transport: FakeTransport) -> Craftkit:
    return Craftkit("ck_test_key", transport=transport)


async def put(transport: FakeTransport, **fields: Any) -> TemplatePublished:
    async with client(transport) as craftkit:
        given = {"name": "Invoice", "manifest": MANIFEST, "only_if_changed": True, **fields}
        return await craftkit.templates.put("invoice", **given)


@pytest.mark.parametrize("manifest", [MANIFEST, WIRE])
@pytest.mark.parametrize("fields", [{}, {"description": "for customers"}])
async def test_put_of_what_is_there_puts_nothing(manifest: Any, fields: dict[str, Any]) -> None:
    """With only_if_changed, an unchanged template gets no other version."""
    transport = FakeTransport([FakeReply(json=STORED)])

    published = await put(transport, manifest=manifest, **fields)

    assert published == TemplatePublished("t1", "invoice", 4, MANIFEST)
    assert [request.method for request in transport.requests] == ["GET"]


@pytest.mark.parametrize(
    "stored",
    [
        FakeReply(status=404),
        FakeReply(json={**STORED, "manifest": None}),
        FakeReply(json={**STORED, "currentVersionNumber": None}),
        FakeReply(json={**STORED, "name": "Bill"}),
        FakeReply(json={**STORED, "manifest": {"variables": [], "loops": []}}),
    ],
)
async def test_put_of_what_changed_is_sent(stored: FakeReply) -> None:
    """What is missing, unpublished or different is put."""
    transport = FakeTransport([stored, PUT])

    assert (await put(transport)).current_version_number == 5
    assert [request.method for request in transport.requests] == ["GET", "PUT"]


async def test_put_of_another_description_is_sent() -> None:
    """The description counts."""
    transport = FakeTransport([FakeReply(json=STORED), PUT])

    assert (await put(transport, description="for others")).current_version_number == 5


@pytest.mark.parametrize("fields", [{"layout": {}}, {"page_config": {}}, {"only_if_changed": False}])
async def test_put_of_what_cannot_be_read_back_is_sent_at_once(fields: dict[str, Any]) -> None:
    """A layout or a page set-up cannot be compared, so it is put without a look."""
    transport = FakeTransport([PUT])

    await put(transport, **fields)

    assert [request.method for request in transport.requests] == ["PUT"]


async def test_manifest_that_is_none_is_refused() -> None:
    """A comparison needs a manifest that can be read."""
    with pytest.raises(ConfigurationError, match="manifest"):
        await put(FakeTransport([]), manifest={"variables": 7})


async def test_replay_of_a_fresh_key_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A 200 to the first attempt of a key made here means that somebody else made the same."""
    async with client(FakeTransport([FakeReply(json={"id": "r1"})])) as craftkit:
        await craftkit.templates.render("invoice", {})

    assert [(record.levelno, record.name) for record in caplog.records] == [
        (logging.WARNING, "craftkit_async.resources.templates")
    ]


@pytest.mark.parametrize(
    ("replies", "key"),
    [
        ([FakeReply(json={"id": "r1"})], "mine"),
        ([TransportError("lost"), FakeReply(json={"id": "r1"})], None),
        ([FakeReply(status=202, json={"id": "r1"})], None),
    ],
)
async def test_expected_answers_are_not_logged(
    replies: list[Any], key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """A replay of the caller's key, or after a lost answer, is what keys are for."""
    async with client(FakeTransport(replies)) as craftkit:
        handle = await craftkit.submit("invoice", {}, idempotency_key=key)

    assert handle.replayed == (replies[-1].status == 200)
    assert caplog.records == []


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 201, 7])
async def test_idempotency_key_is_checked(key: Any) -> None:
    """A key that a header could not carry is refused before any request."""
    async with client(FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match="idempotency_key takes 1 to 200"):
            await craftkit.templates.render("invoice", {}, idempotency_key=key)
