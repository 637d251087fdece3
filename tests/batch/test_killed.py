"""A batch that is killed, however often and whenever, has rendered each row once when it is done."""

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from craftkit_async import Craftkit, RenderRequest
from craftkit_async.emulator import Emulator

ROWS = 120

BATCH = f"""
import asyncio, sys
from craftkit_async import Craftkit, RenderRequest

async def main():
    url, key, folder = sys.argv[1:]
    codes = [f"BK-{{n}}" for n in range({ROWS})]
    rows = [RenderRequest("charter-handover", {{"booking": {{"code": code}}}}, key=code) for code in codes]
    places = {{"journal": f"{{folder}}/run.db", "download_to": f"{{folder}}/pdfs"}}
    async with Craftkit(key, base_url=url) as craftkit:
        async for _ in craftkit.render_many(rows, concurrency=30, **places):
            pass

asyncio.run(main())
"""


def progress(emulator: Emulator, folder: Path) -> int:
    """Count the renders that were begun and the documents that lie in their place: two for each row in the end."""
    return len(emulator.renders) + len(list((folder / "pdfs").glob("*.pdf")))


async def run_and_kill(emulator: Emulator, folder: Path, moment: int) -> None:
    """Run the batch, and kill it when it has come so far, or as soon as its journal is there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BATCH, emulator.url, emulator.api_key, str(folder)
    )
    async with asyncio.timeout(60):
        while progress(emulator, folder) < moment or not (folder / "run.db").exists():
            assert process.returncode is None
            await asyncio.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        # What the dead process had sent is worked off.
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.full)])
async def test_one_render_for_each_row_and_none_lost(tmp_path: Path, kills: int) -> None:
    """Before the first row, in the middle of submits, of looks and of downloads, and of going on after a kill."""
    async with Emulator(latency="0.05", pdf=False, port=0) as emulator:
        for number in range(kills):
            await run_and_kill(emulator, tmp_path, number * 2 * ROWS // kills)
        rows = [RenderRequest("charter-handover", {"booking": {"code": f"BK-{n}"}}, key=f"BK-{n}") for n in range(ROWS)]
        async with Craftkit(emulator.api_key, base_url=emulator.url) as craftkit:
            batch = craftkit.render_many(rows, journal=tmp_path / "run.db", download_to=tmp_path / "pdfs")
            outcomes = [outcome async for outcome in batch]

        made = Counter(render.idempotency_key for render in emulator.renders)
        assert len(made) == len(emulator.renders) == ROWS
        assert all(outcome.ok and outcome.attempts == 1 for outcome in outcomes)
        assert {outcome.unwrap().id for outcome in outcomes} == {render.id for render in emulator.renders}
        assert sorted(path.name for path in (tmp_path / "pdfs").glob("*.pdf")) == sorted(
            f"BK-{n}.pdf" for n in range(ROWS)
        )
        assert "journal" in {outcome.source for outcome in outcomes}
