"""The receiver in front of an ASGI framework, which deliveries pass by."""

from craftkit_async.client import Craftkit
from craftkit_async.receivers import WEBHOOK_PATH
from craftkit_async.receivers.asgi import AsgiApp, Message, Receive, Send, webhook_app


class WebhookMiddleware:
    """Takes in what comes to a path, and leaves everything else to the application.

    What a framework does around each of its views costs more than a delivery; here it has none of it to do. One that
    knows no lifespan can leave that to this, too: with `owns_lifespan` it opens and closes the client.
    """

    def __init__(
        self, app: AsgiApp, craftkit: Craftkit, *, path: str = WEBHOOK_PATH, owns_lifespan: bool = False
    ) -> None:
        self._app = app
        self._webhooks = webhook_app(craftkit)
        self._path = path
        self._owns_lifespan = owns_lifespan

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            path = scope["path"]
            # A server that is told where it is mounted writes that in front.
            is_ours = path == self._path or path.removeprefix(scope.get("root_path", "")) == self._path
        else:
            is_ours = scope["type"] == "lifespan" and self._owns_lifespan
        await (self._webhooks if is_ours else self._app)(scope, receive, send)
