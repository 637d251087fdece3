"""With a file, whatever was answered is there after a `kill -9`."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import aiohttp

from craftkit_async.emulator import Emulator
from tests.emulator.conftest import Waiting

SERVE = "from craftkit_async.cli.main import main; main()"
BODY = {"data": {"booking": {"code": "B"}}}


async def _submit_until_killed(url: str, answered: list[str], wanted: asyncio.Event) -> None:
    headers = {"Authorization": "Bearer ck_test_local"}
    async with aiohttp.ClientSession(url, headers=headers) as session:

        async def submit() -> None:
            try:
                while True:
                    async with session.post("/v1/templates/charter-handover/render", json=BODY) as reply:
                        answered.append((await reply.json())["id"])
                    if len(answered) >= 50:
                        wanted.set()
            except aiohttp.ClientError:
                return  # the server was killed under it

        async with asyncio.TaskGroup() as group:
            for _ in range(200):
                group.create_task(submit())


async def test_every_answered_submit_survives_and_finishes(tmp_path: Path, waiting: type[Waiting]) -> None:
    """Two hundred submits run when the process is killed; none that was answered is lost, and the queued end."""
    file = str(tmp_path / "state.db")
    words = ["-c", SERVE, "emulate", "--port", "0", "--no-pdf", "--latency", "3600", "--db", file]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    url = re.search(rb"http://\S+", await process.stdout.readline())
    assert url
    answered: list[str] = []
    wanted = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(_submit_until_killed(url[0].decode(), answered, wanted))
        await wanted.wait()
        process.send_signal(signal.SIGKILL)
        await process.communicate()

    async with Emulator(db=file, pdf=False) as emulator:
        kept = {render.id: render for render in emulator.renders}
        assert len(answered) >= 50
        assert set(answered) <= set(kept)
        emulator.advance(7200)
        await waiting.until(lambda: all(render.status == "succeeded" for render in emulator.renders))
