"""The middleware: deliveries pass a framework by, and nothing else does."""

from collections.abc import Mapping, MutableMapping
from typing import Any

import attrs
import pytest

from craftkit_async import ConfigurationError, Craftkit
from craftkit_async.receivers.middleware import WebhookMiddleware
from craftkit_async.testing import FakeTransport, signed_delivery
from tests.support.asgi import call, in_pieces, live, pairs_of

SECRET = "whsec_1"
GENUINE = signed_delivery({"event": "render.succeeded", "renderId": "r1", "status": "succeeded"}, SECRET)


def _client() -> Craftkit:
    return Craftkit("ck_test_1", webhook_secret=SECRET, transport=FakeTransport([]))


@attrs.define
class Framework:
    """An application that knows no lifespan, as Django's, and notes what reaches it."""

    reached: list[str] = attrs.field(factory=list)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI
        """Answer 204."""
        self.reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})


@pytest.mark.parametrize("path", ["/webhooks/craftkit", "/mounted/webhooks/craftkit"])
async def test_deliveries_pass_the_application_by(path: str) -> None:
    """Where the server puts its own prefix in front, as well as where a proxy takes it away."""
    framework = Framework()
    async with _client() as craftkit:
        app = WebhookMiddleware(framework, craftkit)
        exchange = await call(app, in_pieces(GENUINE.body), pairs_of(GENUINE.headers), path=path, root_path="/mounted")

        assert (exchange.status, exchange.body, framework.reached) == (200, b"", [])
        assert craftkit.statistics().deliveries == 1


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhooks/craftkit/", "/other/webhooks/craftkit"])
async def test_everything_else_is_the_applications(path: str) -> None:
    """Whatever the path is but the one."""
    framework = Framework()
    exchange = await call(WebhookMiddleware(framework, _client()), [], path=path)

    assert (exchange.status, framework.reached) == (204, [path])


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_other_connections_are_the_applications(kind: str) -> None:
    """A framework that knows a lifespan needs it for itself."""
    framework = Framework()
    await call(WebhookMiddleware(framework, _client()), [], kind=kind)

    assert len(framework.reached) == 1


async def test_another_path() -> None:
    """Then the usual one is nothing special."""
    framework = Framework()
    async with _client() as craftkit:
        app = WebhookMiddleware(framework, craftkit, path="/hooks")
        statuses = [
            (await call(app, in_pieces(GENUINE.body), pairs_of(GENUINE.headers), path=path)).status
            for path in ("/hooks", "/webhooks/craftkit")
        ]

    assert statuses == [200, 204]


async def test_other_methods_are_refused() -> None:
    """The application has no say in this path."""
    exchange = await call(WebhookMiddleware(Framework(), _client()), [], method="GET")

    assert (exchange.status, exchange.headers[b"allow"]) == (405, b"POST")


async def test_a_framework_without_lifespan_leaves_it_to_this() -> None:
    """The client is opened with the server and closed with it."""
    framework, craftkit = Framework(), _client()

    async def meanwhile(_: Mapping[str, Any]) -> None:
        assert craftkit._runtime.is_open

    await live(WebhookMiddleware(framework, craftkit, owns_lifespan=True), meanwhile)

    assert not craftkit._runtime.is_open
    assert framework.reached == []


def test_a_client_without_a_secret_is_refused_at_once() -> None:
    """And not when the first delivery comes."""
    with pytest.raises(ConfigurationError, match="CRAFTKIT_WEBHOOK_SECRET"):
        WebhookMiddleware(Framework(), Craftkit("ck_test_1"))


async def test_a_path_may_name_the_project() -> None:
    """Below a mount point, too."""
    framework = Framework()
    async with Craftkit("ck_test_1") as craftkit:
        craftkit.inbox.add_project("p", SECRET)
        app = WebhookMiddleware(framework, craftkit, path="/hooks/{project}")
        statuses = [
            (await call(app, in_pieces(GENUINE.body), pairs_of(GENUINE.headers), path=path, root_path=root)).status
            for path, root in (("/hooks/p", ""), ("/hooks/q", ""), ("/api/hooks/p", "/api"))
        ]

    assert statuses == [200, 401, 200]
