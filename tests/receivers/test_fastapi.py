"""The receiver for FastAPI, and the ASGI app where FastAPI and Starlette mount it."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from craftkit_async import ClientStateError, ConfigurationError, Craftkit, MissingExtraError
from craftkit_async.receivers.asgi import webhook_app
from craftkit_async.receivers.fastapi import lifespan, webhook_router
from craftkit_async.testing import FakeTransport, signed_delivery
from tests.support.asgi import App, Exchange, call, in_pieces, live, pairs_of

SECRET = "whsec_1"
ENDED = {"event": "render.succeeded", "renderId": "r1", "templateId": "t1", "status": "succeeded"}
GENUINE = signed_delivery(ENDED, SECRET)
FORGED = signed_delivery(ENDED, "another-secret")


def _client() -> Craftkit:
    return Craftkit("ck_test_1", webhook_secret=SECRET, transport=FakeTransport([]))


async def _post(app: App, path: str) -> Exchange:
    return await call(app, in_pieces(GENUINE.body), pairs_of(GENUINE.headers), path=path)


async def test_a_router_takes_deliveries_in() -> None:
    """One line puts the route in place; the receipt decides the status, and the body stays empty."""
    async with _client() as craftkit:
        app = FastAPI()
        app.include_router(webhook_router(craftkit))
        genuine = await _post(app, "/webhooks/craftkit")
        forged = await call(app, in_pieces(FORGED.body), pairs_of(FORGED.headers))

        assert (genuine.status, genuine.body) == (200, b"")
        assert (forged.status, forged.body) == (401, b"")


async def test_a_router_may_have_another_path() -> None:
    """The path is given here, or as a prefix where the router is included."""
    async with _client() as craftkit:
        app = FastAPI()
        app.include_router(webhook_router(craftkit, path="/craftkit"), prefix="/hooks")

        assert (await _post(app, "/hooks/craftkit")).status == 200
        assert (await _post(app, "/webhooks/craftkit")).status == 404


async def test_a_router_refuses_other_methods() -> None:
    """405 names the one that is not."""
    app = FastAPI()
    app.include_router(webhook_router(_client()))
    exchange = await call(app, in_pieces(b""), method="GET")

    assert (exchange.status, exchange.headers[b"allow"]) == (405, b"POST")


async def test_a_route_stays_out_of_the_schema() -> None:
    """It is not for those who read the schema."""
    app = FastAPI()
    app.include_router(webhook_router(_client()))

    assert app.openapi()["paths"] == {}


def _in_fastapi(craftkit: Craftkit) -> App:
    app = FastAPI()
    app.mount("/hooks", webhook_app(craftkit))
    return app


def _in_starlette(craftkit: Craftkit) -> App:
    return Starlette(routes=[Mount("/hooks", webhook_app(craftkit))])


@pytest.mark.parametrize("mount", [_in_fastapi, _in_starlette])
async def test_the_bare_app_is_mounted_below_a_path(mount: Any) -> None:
    """At the path itself it depends on the framework's slash, below it everything is taken."""
    async with _client() as craftkit:
        app = mount(craftkit)

        assert (await _post(app, "/hooks/craftkit")).status == 200
        assert (await _post(app, "/elsewhere")).status == 404


# ---- lifespan


async def test_the_client_lives_as_long_as_the_application() -> None:
    """It is open when the first request comes, and closed when the application has ended."""
    craftkit = _client()
    app = FastAPI(lifespan=lifespan(craftkit))
    app.include_router(webhook_router(craftkit))

    async def meanwhile(state: Mapping[str, Any]) -> None:
        assert state == {}
        assert (await _post(app, "/webhooks/craftkit")).status == 200

    assert await live(app, meanwhile) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(ClientStateError):
        await craftkit.templates.list()


@pytest.mark.parametrize("state", [None, {"pool": "of connections"}])
async def test_an_inner_lifespan_runs_inside(state: dict[str, Any] | None) -> None:
    """It may use the client from its start to its end, and its state is the application's."""
    craftkit = _client()
    seen = []

    @asynccontextmanager
    async def inner(_: FastAPI) -> AsyncIterator[dict[str, Any] | None]:
        seen.append(craftkit._runtime.is_open)
        yield state
        seen.append(craftkit._runtime.is_open)

    async def meanwhile(given: Mapping[str, Any]) -> None:
        assert given == (state or {})

    await live(FastAPI(lifespan=lifespan(craftkit, inner)), meanwhile)

    assert seen == [True, True]
    assert not craftkit._runtime.is_open


# ---- what is missing


def test_without_a_secret_there_is_no_router() -> None:
    """An endpoint that could verify nothing would be open to everybody."""
    with pytest.raises(ConfigurationError, match="CRAFTKIT_WEBHOOK_SECRET"):
        webhook_router(Craftkit("ck_test_1"))


def test_without_fastapi_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is what to type."""
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(MissingExtraError, match=r"craftkit-async\[fastapi\]"):
        webhook_router(_client())


async def test_a_route_may_name_the_project() -> None:
    """Its secrets alone are tried; a mount may name it as well."""
    async with Craftkit("ck_test_1") as craftkit:
        craftkit.inbox.add_project("p", SECRET)
        app = FastAPI()
        app.include_router(webhook_router(craftkit, path="/hooks/{project}"))

        assert [(await _post(app, path)).status for path in ("/hooks/p", "/hooks/q", "/hooks")] == [200, 401, 404]
