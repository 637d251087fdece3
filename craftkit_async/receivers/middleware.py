"""The receiver in front of an ASGI framework, which deliveries pass by."""

from craftkit_async.client import Craftkit
from craftkit_async.receivers import WEBHOOK_PATH
from craftkit_async.receivers.asgi import AsgiApp, Message, Receive, Send, WebhookApp, path_of
from craftkit_async.receivers.paths import check_receiver, matcher_of

__all__ = ["WebhookMiddleware"]


class WebhookMiddleware:
    """Takes in what comes to a path, and leaves everything else to the application.

    What a framework does around each of its views costs more than a delivery; here it has none of it to do. With
    `owns_lifespan` it opens and closes the client, for an application that knows no lifespan.
    """

    def __init__(
        self, app: AsgiApp, craftkit: Craftkit, *, path: str = WEBHOOK_PATH, owns_lifespan: bool = False
    ) -> None:
        check_receiver(craftkit, path)
        self._app = app
        self._webhooks = WebhookApp(craftkit, path)
        self._match = matcher_of(path)
        self._owns_lifespan = owns_lifespan

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            found = self._match(scope["path"]) or self._match(path_of(scope))
            if found is not None:
                await self._webhooks.take(found[0], scope, receive, send)
                return
        elif scope["type"] == "lifespan" and self._owns_lifespan:
            await self._webhooks(scope, receive, send)
            return
        await self._app(scope, receive, send)
