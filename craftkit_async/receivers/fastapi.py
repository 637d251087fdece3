"""The receiver for FastAPI."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from craftkit_async.client import Craftkit
from craftkit_async.errors import MissingExtraError
from craftkit_async.receivers import WEBHOOK_PATH
from craftkit_async.receivers.asgi import WebhookApp
from craftkit_async.receivers.paths import check_receiver

if TYPE_CHECKING:
    from fastapi import APIRouter

__all__ = ["lifespan", "webhook_router"]

# With state or without, which for FastAPI are two types.
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


def webhook_router(craftkit: Craftkit, *, path: str = WEBHOOK_PATH) -> "APIRouter":
    """Return a router with the route that takes in deliveries: `app.include_router(webhook_router(craftkit))`.

    The route is a bare ASGI app, which spares a delivery what only views with parameters need; it stays out of the
    schema, for it is not the application's users who call it.
    """
    try:
        from fastapi import APIRouter  # noqa: PLC0415 - optional, and missing only matters here
        from starlette.routing import Route  # noqa: PLC0415 - comes with it
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is missing: pip install 'craftkit-async[fastapi]'") from error
    check_receiver(craftkit, path)
    # Without a path of its own: the route has matched already, and found the project.
    route = Route(path, WebhookApp(craftkit, None), methods=["POST"], name="craftkit_webhook")
    return APIRouter(routes=[route])


def lifespan(craftkit: Craftkit, inner: Lifespan | None = None) -> Lifespan:
    """Return a lifespan that opens the client with the application and closes it; `inner` runs inside of it."""

    @asynccontextmanager
    async def opened(app: Any) -> AsyncIterator[Any]:
        async with craftkit:
            if inner is None:
                yield None
                return
            async with inner(app) as state:
                yield state

    return opened
