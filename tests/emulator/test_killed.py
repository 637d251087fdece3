"""With a file, whatever was answered is there after a `kill -9`."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from tests.emulator.conftest import Waiting
from tests.support.contract_client import ContractClient

COMMAND = [sys.executable, "-c", "from craftkit_async.cli.main import main; main()", "emulate", "--port", "0"]
BODY = {"data": {"booking": {"code": "B"}}}
HEADERS = {"Authorization": "Bearer ck_test_local"}
AT_ONCE = 200


@asynccontextmanager
async def _emulate(*words: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, aiohttp.ClientSession]]:
    """Run the command in a process of its own, and open a session with it."""
    process = await asyncio.create_subprocess_exec(*COMMAND, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    try:
        url = re.search(r"http://\S+", (await process.stdout.readline()).decode())
        assert url
        async with aiohttp.ClientSession(url[0], headers=HEADERS) as session:
            yield process, session
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


class Submits:
    """Submits without end, until the server is killed under them."""

    def __init__(self, session: aiohttp.ClientSession, wanted: int) -> None:
        self._session, self._wanted = session, wanted
        self.answered: list[str] = []
        self.enough = asyncio.Event()

    async def run(self) -> None:
        with suppress(aiohttp.ClientError):
            while True:
                async with self._session.post("/v1/templates/charter-handover/render", json=BODY) as reply:
                    self.answered.append((await reply.json())["id"])
                if len(self.answered) >= self._wanted:
                    self.enough.set()


async def _kill(wanted: int, *words: str) -> list[str]:
    """Start the command, submit, and kill it while two hundred submits run; give the ids that were answered."""
    async with _emulate(*words) as (process, session), asyncio.timeout(120):
        submits = Submits(session, wanted)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(submits.run())
            await submits.enough.wait()
            process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
    return submits.answered


async def _finish(session: aiohttp.ClientSession, answered: list[str]) -> ContractClient:
    """Wait until each of them has succeeded."""
    api = ContractClient(session, str(session._base_url).rstrip("/"), {"projectKey": "ck_test_local"})
    for render in answered:
        await Waiting.for_render(api, render)
    return api


async def test_every_answered_submit_survives_and_finishes(tmp_path: Path) -> None:
    """None that was answered is lost, and those that were queued end after the restart."""
    words = ["--no-pdf", "--latency", "3600", "--db", str(tmp_path / "state.db")]
    answered = await _kill(AT_ONCE, *words)
    async with _emulate(*words) as (_, session):
        async with session.post("/_emulator/clock", json={"advance": 7200}) as moved:
            assert moved.status == 200
        await _finish(session, answered)

    assert len(answered) >= AT_ONCE


async def test_documents_are_printed_after_the_restart(tmp_path: Path) -> None:
    """With real documents: each that was answered has its file, whichever process made it."""
    words = ["--latency", "0.05..1", "--db", str(tmp_path / "state.db")]
    answered = await _kill(20, *words)
    async with _emulate(*words) as (_, session):
        api = await _finish(session, answered)
        for render in answered:
            assert (await api.call("download_render", id=render)).body.startswith(b"%PDF-1.7")
