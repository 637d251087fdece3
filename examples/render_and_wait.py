"""Render documents and wait for them: one, then several at a time, then one by its id.

    CRAFTKIT_API_KEY=ck_test_… python examples/render_and_wait.py

Without a key a local Craftkit answers (extra `emulator`), so that you can see what happens before you have one.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from typing import Any

from craftkit_async import Craftkit, RenderFailedError, WaitTimeoutError

GUESTS = ["Ada Lovelace", "Grace Hopper", "Mary Somerville"]


def certificate(name: str) -> dict[str, Any]:
    """Fill in the template."""
    return {"recipient": {"name": name}, "course": {"title": "Coastal navigation", "completedOn": "2026-06-01"}}


async def main() -> None:
    """Wait in the three ways there are."""
    async with AsyncExitStack() as stack:
        craftkit = await stack.enter_async_context(await find_service(stack))

        # Submit and wait, in one call.
        try:
            render = await craftkit.render("certificate", certificate(GUESTS[0]), timeout=60)
        except RenderFailedError as error:
            print(f"it ended without a document: {error}")
        except WaitTimeoutError as error:
            print(f"it goes on without us, as {error.render_id} or under the key {error.idempotency_key}")
        else:
            path = await craftkit.renders.download(render, "certificate.pdf")
            print(f"{render.id} took {render.duration_ms} ms: {path}")

        # Submit first, wait later: whoever has the handle may await it, as often as it likes.
        handles = [await craftkit.submit("certificate", certificate(guest)) for guest in GUESTS]
        for guest, handle in zip(GUESTS, handles, strict=True):
            print(f"{guest}: {(await handle).status}")

        # Wait by id, in another task, process or week than the one that submitted.
        render = await craftkit.wait(handles[0].id)
        print(f"{render.id}: {render.status}")


async def find_service(stack: AsyncExitStack) -> Craftkit:
    """Return a client of the service, or of a local one where there is no key."""
    if os.environ.get("CRAFTKIT_API_KEY"):
        return Craftkit()
    from craftkit_async.emulator import Emulator  # noqa: PLC0415 - only needed without a key

    emulator = await stack.enter_async_context(Emulator())
    print(f"a local Craftkit answers at {emulator.url}")
    return Craftkit(emulator.api_key, base_url=emulator.url)


if __name__ == "__main__":
    asyncio.run(main())
