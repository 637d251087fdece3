"""The clients: what they are made with, what they share, and what they refuse."""

from typing import Any

import pytest

from craftkit_async import (
    ClientStateError,
    ConfigurationError,
    Craftkit,
    CraftkitAccount,
    CraftkitAdmin,
    Limits,
    RetryPolicy,
    Timeouts,
)
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

FOUND = FakeReply(json={"id": "r1", "status": "queued"})
PROJECT = FakeReply(json={"id": "p1", "slug": "s", "name": "n"})


# -- arguments


@pytest.mark.parametrize(
    ("client", "key"),
    [
        (Craftkit, "ck_acct_secret"),
        (Craftkit, "ck_pk_live_secret"),
        (CraftkitAccount, "ck_live_secret"),
        (CraftkitAccount, "ck_test_secret"),
        (CraftkitAccount, "ck_pk_live_secret"),
        (CraftkitAdmin, "ck_live_secret"),
        (CraftkitAdmin, "ck_acct_secret"),
        (Craftkit, ""),
        (Craftkit, "  "),
        (Craftkit, "a secret"),
        (Craftkit, "secret\r\nx: y"),
        (Craftkit, "sécret"),
        (Craftkit, 7),
        (Craftkit, b"secret"),
    ],
)
def test_wrong_keys_are_refused(client: type[Craftkit], key: Any) -> None:
    """A key of a known other kind, or that no header can carry, is refused when the client is made, unshown."""
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        client(key)

    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("client", [Craftkit, CraftkitAccount, CraftkitAdmin])
def test_unknown_prefixes_pass(client: type[Craftkit]) -> None:
    """There may be kinds of keys that nobody has heard of yet."""
    client("anything_else")


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "ftp://x"},
        {"base_url": "https://x/v1"},
        {"base_url": "https://x?y=1"},
        {"base_url": "https://user:pass@x"},
        {"base_url": "http://x.example"},
        {"base_url": 7},
        {"private_network": "yes"},
        {"session": "a session"},
        {"download_session": 7},
        {"transport": object()},
        {"proxy": "nowhere"},
        {"ssl": "yes"},
        {"timeouts": 30},
        {"retries": None},
        {"limits": {"requests": 5}},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    """Each is refused when the client is made, in one sentence that names it."""
    with pytest.raises(ConfigurationError, match=next(iter(options))) as caught:
        Craftkit("ck_test_key", **options)

    assert "\n" not in str(caught.value)


# -- environment


async def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and the base URL are taken from the environment where none is passed; blanks around them go."""
    transport = FakeTransport([FOUND, FakeReply(json={"projects": []}), FakeReply(json={})])
    monkeypatch.setenv("CRAFTKIT_API_KEY", " ck_live_project ")
    monkeypatch.setenv("CRAFTKIT_ACCOUNT_KEY", "ck_acct_account")
    monkeypatch.setenv("CRAFTKIT_ADMIN_KEY", "admin")
    monkeypatch.setenv("CRAFTKIT_BASE_URL", " https://x.example/base/ ")

    async with Craftkit(transport=transport) as craftkit:
        await craftkit.renders.get("r1")
    async with CraftkitAccount(transport=transport) as account:
        assert await account.projects.list() == []
    async with CraftkitAdmin(transport=transport) as admin:
        await admin.provision("o1", plan="x")

    assert [request.headers["authorization"] for request in transport.requests] == [
        "Bearer ck_live_project",
        "Bearer ck_acct_account",
        "Bearer admin",
    ]
    assert transport.requests[0].url == "https://x.example/base/v1/renders/r1"
    assert transport.bodies()[2] == {"externalOrgId": "o1", "plan": "x"}


async def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is none."""
    transport = FakeTransport([FOUND])
    monkeypatch.setenv("CRAFTKIT_API_KEY", "  ")
    monkeypatch.setenv("CRAFTKIT_BASE_URL", "")

    async with Craftkit(transport=transport) as craftkit:
        with pytest.raises(ConfigurationError, match="set CRAFTKIT_API_KEY"):
            await craftkit.renders.get("r1")
    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        await craftkit.renders.get("r1")

    assert transport.requests[0].url == "https://api.craftkit.dev/v1/renders/r1"


@pytest.mark.parametrize(
    ("client", "variable"), [(CraftkitAccount, "CRAFTKIT_ACCOUNT_KEY"), (CraftkitAdmin, "CRAFTKIT_ADMIN_KEY")]
)
async def test_missing_key_names_its_own_variable(client: type[Any], variable: str) -> None:
    """Each client says which key it lacks."""
    async with client(transport=FakeTransport([])) as made:
        with pytest.raises(ConfigurationError, match=variable):
            await (made.projects.list() if client is CraftkitAccount else made.update("o1", email_from="x"))


# -- sharing and closing


async def test_children_share_all_but_the_key() -> None:
    """A child has its own key and its parent's places, counts and end."""
    transport = FakeTransport(lambda _: FOUND)

    async with Craftkit("ck_test_parent", transport=transport) as parent:
        child = parent.with_api_key("ck_test_child")
        grandchild = child.with_api_key(lambda: "ck_test_grandchild")
        async with child:
            await child.renders.get("r1")
        await child.aclose()
        await grandchild.renders.get("r1")
        await parent.templates.render("t", {}, idempotency_key="k")

        assert child.statistics() == parent.statistics()
        assert child._sender.runtime is parent._runtime

    assert [request.headers["authorization"].rpartition("_")[2] for request in transport.requests] == [
        "child",
        "grandchild",
        "parent",
    ]
    with pytest.raises(ClientStateError, match="closed"):
        await grandchild.renders.get("r1")


def test_keys_of_children_are_checked() -> None:
    """A child's key is checked as its parent's is."""
    with pytest.raises(ConfigurationError, match="ck_acct_"):
        Craftkit("ck_test_key").with_api_key("ck_acct_wrong")


async def test_client_works_without_being_entered() -> None:
    """`async with` is not needed, if aclose is called."""
    craftkit = Craftkit("ck_test_key", transport=FakeTransport([FOUND]))

    await craftkit.renders.get("r1")
    await craftkit.aclose()

    with pytest.raises(ClientStateError):
        await craftkit.renders.get("r1")


async def test_other_process_is_told_to_make_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that came through a fork is refused; the real fork is tested with the sessions."""
    async with Craftkit("ck_test_key", transport=FakeTransport([FOUND])) as craftkit:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("craftkit_async._io.runtime._forks", [None])
            with pytest.raises(ClientStateError, match="fork"):
                await craftkit.renders.get("r1")
        await craftkit.renders.get("r1")


async def test_counts_survive_a_close() -> None:
    """Statistics count since the client was made."""
    craftkit = Craftkit("ck_test_key", transport=FakeTransport(lambda _: FOUND))

    for _ in range(2):
        async with craftkit:
            await craftkit.templates.render("t", {}, idempotency_key="k")

    assert craftkit.statistics().submitted == 2


def test_repr_shows_where_and_no_key() -> None:
    """A client in a log line tells its base URL only."""
    assert repr(Craftkit("ck_test_key")) == "Craftkit(base_url='https://api.craftkit.dev')"


async def test_options_reach_the_shell() -> None:
    """Options are taken as they are given."""
    options: dict[str, Any] = {
        "timeouts": Timeouts(request=1.0),
        "retries": RetryPolicy(quota=1),
        "limits": Limits(requests=3),
    }
    craftkit = Craftkit("ck_test_key", transport=FakeTransport([]), **options)

    assert craftkit.statistics().window == 3


@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_child_never_takes_the_key_of_the_environment(key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant without a key must not render in the operator's project."""
    monkeypatch.setenv("CRAFTKIT_API_KEY", "ck_test_operator")
    with pytest.raises(ConfigurationError, match="key"):
        Craftkit("ck_test_key").with_api_key(key)
