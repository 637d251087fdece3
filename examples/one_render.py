"""Render one document and save it.

    CRAFTKIT_API_KEY=ck_test_… python examples/one_render.py

Without a key, a stand-in answers, so that you can see what happens before you have one.
"""

import asyncio
import os
import sys

from craftkit_async import Craftkit, Render, Request
from craftkit_async.testing import FakeReply, FakeTransport

DATA = {"customer": {"name": "Halden Marine"}, "items": [{"sku": "RP-10", "qty": 4}]}


async def main(target: str = "delivery-note.pdf") -> None:
    """Ask for a render, look until it has ended, and save the document."""
    stand_in = None if os.environ.get("CRAFTKIT_API_KEY") else FakeTransport(stand_in_reply)
    async with Craftkit(None if stand_in is None else "ck_test_stand_in", transport=stand_in) as craftkit:
        render = await craftkit.templates.render("delivery-note", DATA)
        print(f"asked for {render.id}: {render.status}")
        render = await look_until_final(craftkit, render)
        print(f"ended {render.id}: {render.status}")
        path = await craftkit.renders.download(render, target)
        print(f"saved {path} ({path.stat().st_size} bytes)")


async def look_until_final(craftkit: Craftkit, render: Render) -> Render:
    """Look at the documented pace: 250 ms, doubling to 5 s."""
    delay = 0.25
    while not render.is_final:
        await asyncio.sleep(delay)
        delay = min(delay * 2, 5.0)
        render = await craftkit.renders.get(render.id)
    return render


def stand_in_reply(request: Request) -> FakeReply:
    """Answer as the service would."""
    if request.method == "POST":
        return FakeReply(status=202, json={"id": "0194", "status": "queued"})
    if request.url.endswith("/download"):
        return FakeReply(body=b"%PDF-1.7\n%%EOF\n")
    return FakeReply(json={"id": "0194", "status": "succeeded"})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
