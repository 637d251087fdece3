"""Projects: two tenants in one process never see each other's renders, deliveries or events."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from craftkit_async import ConfigurationError, Craftkit, Limits, WaitTimeoutError
from craftkit_async.testing import signed_delivery
from tests.support.cancelling import settle
from tests.support.service import FORM, LOST, SECRET, Service, delivery_of

pytestmark = pytest.mark.virtual_time


def two_tenants(service: Service, **options: Any) -> tuple[Craftkit, Craftkit, Craftkit]:
    """Make a root client without a secret, and two children with one each."""
    root = service.make_client(webhook_secret=None, **options)
    return (
        root,
        root.with_api_key("ck_test_a", project="a", webhook_secret="secret-a"),
        root.with_api_key("ck_test_b", project="b", webhook_secret="secret-b"),
    )


async def test_a_signature_completes_waits_of_its_own_project_only(caplog: pytest.LogCaptureFixture) -> None:
    """A body that A's secret signed and that names B's render completes nothing of B, and is said once."""
    root, a, b = two_tenants(Service())
    async with root:
        handle = await b.submit("t", {})
        waiting = asyncio.ensure_future(handle.wait())
        await settle()
        for number in range(2):
            receipt = await root.inbox.receive(*delivery_of(handle.id, secret="secret-a", n=number))
            assert (receipt.status, receipt.project) == (200, "a")
        await settle()
        assert (handle.source, waiting.done()) == (None, False)
        said = [record.message for record in caplog.records if "another project" in record.message]
        assert len(said) == 1
        assert "with_api_key(key, webhook_secret=...)" in said[0]

        receipt = await root.inbox.receive(*delivery_of(handle.id, secret="secret-b"))
        assert (receipt.duplicate, receipt.project) == (False, "b")
        assert (await waiting).is_succeeded
        assert handle.source == "webhook"
        del a


async def test_two_projects_may_wait_for_one_id() -> None:
    """Each hears only its own."""
    root, a, b = two_tenants(Service(on_poll=lambda *_: LOST))
    async with root:
        handles = [a.attach("x1"), b.attach("x1")]
        waits = [asyncio.ensure_future(handle.wait()) for handle in handles]
        await settle()
        await root.inbox.receive(*delivery_of("x1", "failed", secret="secret-a"))
        await root.inbox.receive(*delivery_of("x1", secret="secret-b"))
        await asyncio.wait(waits)

        assert [handle.snapshot.is_succeeded for handle in handles if handle.snapshot] == [False, True]


async def test_the_mailbox_is_kept_by_project() -> None:
    """A's delivery that overtakes a 202 is not handed to B's submit of the same id."""
    service = Service(latency=2.0)
    root, a, b = two_tenants(service)
    async with root:
        submitting = asyncio.ensure_future(b.submit("t", {}))
        await settle()
        await root.inbox.receive(*delivery_of("r1", "failed", secret="secret-a"))
        assert root.statistics().mailbox == 0
        await root.inbox.receive(*delivery_of("r1", secret="secret-b"))
        handle = await submitting
        assert handle.source == "webhook"
        assert handle.snapshot is not None
        assert handle.snapshot.is_succeeded
        assert a is not b


async def test_a_project_without_a_secret_polls_at_full_pace() -> None:
    """It hears no webhooks, whatever the client expects of those that do."""
    service = Service()
    async with service.make_client(webhooks="expect") as root:
        deaf = root.with_api_key("ck_test_other")
        handles = [await root.submit("t", {}), await deaf.submit("t", {})]
        waits = [asyncio.ensure_future(handle.wait()) for handle in handles]
        await asyncio.sleep(4.0)
        assert service.ages == {handles[1].id: pytest.approx([0.25, 0.75, 1.75, 3.75])}
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)


async def test_pace_is_learned_by_project() -> None:
    """Whether webhooks bring the completions of one project says nothing of another."""
    service = Service()
    root, a, b = two_tenants(service)
    async with root:
        for _ in range(32):
            handle = await a.submit("t", {})
            waiting = asyncio.ensure_future(handle.wait())
            await settle()
            await root.inbox.receive(*delivery_of(handle.id, secret="secret-a"))
            await waiting
        paces = []
        for child in (a, b):
            handle = await child.submit("t", {})
            with pytest.raises(WaitTimeoutError):
                await handle.wait(timeout=4.0)
            paces.append(len(service.polls[handle.id]))
        assert paces == [2, 5]


async def test_equal_labels_are_one_project() -> None:
    """A rotated key still finds what was submitted under the old one, and the secrets of both count."""
    service = Service()
    async with service.make_client(webhook_secret=None) as root:
        old = root.with_api_key("ck_test_old", project="p", webhook_secret="old")
        new = root.with_api_key("ck_test_new", project="p", webhook_secret="new")
        handle = await old.submit("t", {})
        assert new.attach(handle.id).snapshot is handle.snapshot
        for number, secret in enumerate(("old", "new")):
            receipt = await new.inbox.receive(*delivery_of(f"x{number}", secret=secret))
            assert (receipt.status, receipt.project) == (200, "p")
        assert (await root.inbox.receive(*delivery_of("x3", secret="forged"))).status == 401


async def test_projects_without_a_label_are_never_the_same() -> None:
    """With keys that a function returns nobody knows whose they are."""
    service = Service()
    async with service.make_client() as root:
        one, other = (root.with_api_key(lambda: "ck_test_same", webhook_secret=f"s{n}") for n in range(2))
        handle = await one.submit("t", {})
        assert other.attach(handle.id).snapshot is None
        receipt = await root.inbox.receive(*delivery_of(handle.id, secret="s0"))
        assert (receipt.status, receipt.project, handle.source) == (200, None, "webhook")


async def test_the_label_follows_from_the_key() -> None:
    """The same in all processes, without showing the key."""
    async with Service().make_client("ck_test_key") as craftkit:
        receipt = await craftkit.inbox.receive(*delivery_of("x1"))
    async with Service().make_client(" ck_test_key ") as again:
        same = await again.inbox.receive(*delivery_of("x1"))

    assert receipt.project == same.project
    assert len(receipt.project or "") == 16
    assert receipt.event is not None
    assert receipt.event.project == receipt.project


async def test_several_projects_with_one_secret() -> None:
    """Each may be completed; the first by label is named."""
    service = Service(on_poll=lambda *_: LOST)
    async with service.make_client(webhook_secret=None) as root:
        children = [root.with_api_key(f"ck_{name}", project=name, webhook_secret="shared") for name in "ba"]
        waits = [asyncio.ensure_future(child.wait("x1")) for child in children]
        await settle()
        receipt = await root.inbox.receive(*delivery_of("x1", secret="shared"))
        await asyncio.wait(waits)
        assert receipt.project == "a"
        assert all(wait.result().is_succeeded for wait in waits)


# ---- handlers


async def test_handlers_hear_their_own_project() -> None:
    """The root's hear all, and events say whose they are."""
    root, a, b = two_tenants(Service())
    heard: list[Any] = []
    async with root:
        for name, client in (("root", root), ("a", a), ("b", b)):
            client.inbox.on("*")(lambda event, name=name: heard.append((name, event.project)))
        await root.inbox.receive(*delivery_of("x1", secret="secret-a"))
        await asyncio.sleep(1.0)
        assert heard == [("root", "a"), ("a", "a")]
        heard.clear()
        await root.inbox.receive(*signed_delivery({"event": "moon.landing", "project": "forged"}, "secret-b"))
        await asyncio.sleep(1.0)
        assert heard == [("root", "b"), ("b", "b")]


async def test_a_copy_of_one_tenant_does_not_make_anothers_delivery_a_duplicate() -> None:
    """The signature is the key, and each project has its own."""
    root, a, b = two_tenants(Service())
    async with root:
        receipts = [await root.inbox.receive(*delivery_of("x1", secret=secret)) for secret in ("secret-a", "secret-b")]
        assert [receipt.duplicate for receipt in receipts] == [False, False]
        assert a is not b


# ---- which secrets are tried


async def test_a_child_receives_with_its_own_secrets_alone() -> None:
    """As does a receiver whose path names a project."""
    root, a, _ = two_tenants(Service())
    async with root:
        assert (await a.inbox.receive(*delivery_of("x1", secret="secret-b"))).status == 401
        assert (await a.inbox.receive(*delivery_of("x1", secret="secret-a"))).status == 200
        assert (await root.inbox.receive(*delivery_of("x2", secret="secret-b"), project="a")).status == 401
        assert (await root.inbox.receive(*delivery_of("x2", secret="secret-b"), project="b")).status == 200
        assert (await a.inbox.receive(*delivery_of("x3", secret="secret-b"), project="b")).status == 401
        unknown = await root.inbox.receive(*delivery_of("x3", secret="secret-b"), project="c")
        assert (unknown.status, unknown.reason) == (401, "the path names a project that is not known here")
        assert root.statistics().refused == 4


async def test_too_many_secrets_need_a_project(caplog: pytest.LogCaptureFixture) -> None:
    """So that a forged delivery does not cost thousands of hashes; equal ones count once."""
    root = Service().make_client(webhook_secret=None, limits=Limits(secrets_tried=2))
    children = [root.with_api_key(f"ck_{n}", project=f"p{n}", webhook_secret=f"s{n % 3}") for n in range(4)]
    async with root:
        for _ in range(2):
            assert (await root.inbox.receive(*delivery_of("x1", secret="s0"))).status == 503
        assert (await root.inbox.receive(*delivery_of("x1", secret="s0"), project="p0")).status == 200
        assert caplog.text.count("with more than 2 secrets, receive it with project=") == 1
        children.pop(2)
        gc.collect()
        assert (await root.inbox.receive(*delivery_of("x2", secret="s0"))).status == 200


async def test_secrets_of_a_function_are_asked_for_each_delivery() -> None:
    """So that a rotation needs no new client; each distinct value is compiled once."""
    asked: list[str] = []
    current: list[Any] = ["one"]

    def secret() -> Any:
        asked.append("asked")
        return current[0]

    async with Service().make_client(webhook_secret=secret) as craftkit:
        for value, secrets in (("one", "one"), (["two", "one"], "two"), ({"new": b"three"}, "three")):
            current[0] = value
            for name in "xy":
                assert (await craftkit.inbox.receive(*delivery_of(f"{name}{secrets}", secret=secrets))).status == 200
        assert (await craftkit.inbox.receive(*delivery_of("x9", secret="one"))).status == 401
    assert len(asked) == 7


def _fail() -> str:
    raise LookupError("the vault is down: recognisable")


@pytest.mark.parametrize("secret", [_fail, lambda: 7, lambda: "", list, lambda: None])
async def test_a_function_that_gives_no_secret_is_a_503(
    secret: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The delivery comes again, the log says it once and shows nothing."""
    async with Service().make_client(webhook_secret=secret) as craftkit:
        for _ in range(2):
            receipt = await craftkit.inbox.receive(*delivery_of("x1"))
            assert (receipt.status, receipt.reason) == (503, "a function given as webhook_secret failed")
    assert caplog.text.count("a function given as webhook_secret failed") == 1
    assert "recognisable" not in caplog.text


async def test_only_so_many_values_of_a_function_are_kept() -> None:
    """A rotation has two."""
    values = iter(f"s{n}" for n in range(20))
    async with Service().make_client(webhook_secret=lambda: next(values)) as craftkit:
        for n in range(20):
            assert (await craftkit.inbox.receive(*delivery_of(f"x{n}", secret=f"s{n}"))).status == 200
        [secrets] = craftkit._membership.project.secrets
        assert len(secrets._compiled) == 4


# ---- processes that only receive


async def test_projects_may_be_added_and_removed() -> None:
    """Secrets without a key, for processes that only receive."""
    async with Craftkit(webhook_secret=None) as craftkit:
        inbox = craftkit.inbox
        inbox.add_project("p", "one")
        inbox.add_project("p", ["two"])
        gc.collect()
        for name in ("one", "two"):
            receipt = await inbox.receive(*delivery_of(f"x{name}", secret=name))
            assert (receipt.status, receipt.project) == (200, "p")
        inbox.remove_project("p")
        with pytest.raises(ConfigurationError, match="there is no webhook secret"):
            await inbox.receive(*delivery_of("x3", secret="one"))
        with pytest.raises(ConfigurationError, match="no project 'p' that add_project made"):
            inbox.remove_project("p")


async def test_removing_leaves_clients_of_the_project_theirs() -> None:
    """Only what was added is removed."""
    async with Service().make_client(webhook_secret=None) as root:
        child = root.with_api_key("ck_p", project="p", webhook_secret="own")
        root.inbox.add_project("p", "added")
        root.inbox.remove_project("p")
        assert (await child.inbox.receive(*delivery_of("x1", secret="added"))).status == 401
        assert (await child.inbox.receive(*delivery_of("x1", secret="own"))).status == 200


@pytest.mark.parametrize("label", ["", " a", "a/b", 7, None])
async def test_what_is_no_label_is_refused(label: Any) -> None:
    """It may stand in a path."""
    async with Service().make_client() as craftkit:
        with pytest.raises(ConfigurationError, match="project takes a name"):
            craftkit.inbox.add_project(label, "s")
        if label is not None:
            with pytest.raises(ConfigurationError, match="project takes a name"):
                craftkit.with_api_key("ck_x", project=label)


async def test_an_added_project_may_be_used_by_path_alone() -> None:
    """Where no secret is known yet, the delivery must come again."""
    async with Craftkit(webhook_secret=None) as craftkit:
        child = craftkit.with_api_key("ck_p", project="p")
        receipt = await craftkit.inbox.receive(*delivery_of("x1"), project="p")
        assert (receipt.status, receipt.reason) == (503, "there is no webhook secret")
        assert child is not None


# ---- how long a project lives


async def test_a_project_lives_as_long_as_somebody_refers_to_it() -> None:
    """A client, a handle, a wait, or a handler."""
    service = Service(on_poll=lambda *_: LOST)
    async with service.make_client() as root:
        projects = root._waiting._make_projects()

        def lives(label: str) -> bool:
            gc.collect()
            return projects.find(label) is not None

        client = root.with_api_key("ck_1", project="client", webhook_secret="s")
        assert lives("client")
        del client
        assert not lives("client")

        handle = root.with_api_key("ck_2", project="handle", webhook_secret="s").attach("x1")
        assert lives("handle")
        del handle
        assert not lives("handle")

        waiting = asyncio.ensure_future(root.with_api_key("ck_3", project="wait", webhook_secret="w").wait("x2"))
        await settle()
        assert lives("wait")
        await root.inbox.receive(*delivery_of("x2", secret="w"))
        assert (await waiting).is_succeeded
        del waiting
        # A poll that was under way goes on until it times out.
        await asyncio.sleep(31.0)
        assert not lives("wait")

        heard: list[Any] = []
        root.with_api_key("ck_4", project="handler", webhook_secret="h").inbox.on("*")(heard.append)
        assert lives("handler")
        await root.inbox.receive(*delivery_of("x3", secret="h"))
        await asyncio.sleep(1.0)
        assert len(heard) == 1


async def test_a_child_for_each_request_leaves_nothing() -> None:
    """Equal secrets of one project are kept once."""
    async with Service().make_client() as root:
        kept = root.with_api_key("ck_p", project="p", webhook_secret="s")
        for _ in range(100):
            root.with_api_key("ck_p", project="p", webhook_secret="s")
        assert len(kept._membership.project.secrets) == 1


# ---- forms, and refusals


async def test_a_form_that_no_handler_takes_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """Its delivery may be the only copy; a handler that does nothing drops it."""
    async with Service().make_client() as craftkit:
        craftkit.inbox.on("signature.*")(lambda _: None)
        receipt = await craftkit.inbox.receive(*signed_delivery(FORM, SECRET))
        assert (receipt.status, receipt.reason) == (503, "no handler takes form.submitted")
        assert '@craftkit.inbox.on("form.submitted")' in caplog.text
        craftkit.inbox.on("*")(lambda _: None)
        assert (await craftkit.inbox.receive(*signed_delivery(FORM, SECRET))).status == 200


async def test_key_that_is_none_is_refused() -> None:
    """The environment is the constructor's business alone: a tenant must not render with the operator's key."""
    async with Service().make_client() as craftkit:
        for key in (None, "", " "):
            with pytest.raises(ConfigurationError, match="key"):
                craftkit.with_api_key(key)  # type: ignore[arg-type]  # that is the point
