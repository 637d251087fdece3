"""Render one invoice and save it.

    CRAFTKIT_API_KEY=ck_test_… python examples/one_render.py

Without a key a local Craftkit answers (extra `emulator`), so that you can see what happens before you have one.
"""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from typing import Any

from craftkit_async import Craftkit

INVOICE: dict[str, Any] = {
    "number": "2026-0147",
    "issuedOn": "2026-06-01",
    "seller": {"name": "Northwind Charters Ltd", "address": "14 Harbour Road\nKinsale, P17 AB12"},
    "customer": {"name": "Ada Lovelace", "address": "7 Analytical Lane\nLondon W1 2AB"},
    "items": [
        {"description": "Yacht charter, seven days", "quantity": 7, "unitPrice": 420, "amount": 2940},
        {"description": "Skipper, per day", "quantity": 7, "unitPrice": 180, "amount": 1260},
    ],
    "total": 4200,
}


async def main(target: str = "invoice.pdf") -> None:
    """Render the invoice and save the document."""
    async with AsyncExitStack() as stack:
        craftkit = await stack.enter_async_context(await find_service(stack))
        render = await craftkit.render("invoice", INVOICE)
        print(f"rendered {render.id}: {render.status}")
        path = await craftkit.renders.download(render, target)
        print(f"saved {path} ({path.stat().st_size} bytes)")


async def find_service(stack: AsyncExitStack) -> Craftkit:
    """Return a client of the service, or of a local one where there is no key."""
    if os.environ.get("CRAFTKIT_API_KEY"):
        return Craftkit()
    from craftkit_async.emulator import Emulator  # noqa: PLC0415 - only needed without a key

    emulator = await stack.enter_async_context(Emulator())
    print(f"a local Craftkit answers at {emulator.url}")
    return Craftkit(emulator.api_key, base_url=emulator.url)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
