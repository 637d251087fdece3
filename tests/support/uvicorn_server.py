"""A real uvicorn on the loopback, in a thread of its own."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from tests.support.asgi import App


@asynccontextmanager
async def serve_asgi(app: App) -> AsyncIterator[str]:
    """Serve an application and give its address; its event loop is not the caller's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.to_thread(thread.join)
