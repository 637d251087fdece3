"""A service on which everything goes wrong at times: one outcome for each row, right counts, nothing twice."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from craftkit_async import Craftkit, PollPolicy, RenderRequest, RetryPolicy
from craftkit_async.emulator import Emulator

# Everything that passes; what lasts, like a wrong key, would rightly fail a row, and so does a document that is none.
PASSING = ["429=0@0.05", "429=1@0.01", "500@0.03", "502@0.03", "503@0.03", "503=0@0.03", "reset@0.03", "truncate@0.02"]
UNREADABLE = ["html@0.02", "empty@0.02", "flat@0.05", "www@0.1"]
FAULTS = [
    *(f"{name}:{fault}" for name in ("render_template", "get_render") for fault in PASSING + UNREADABLE),
    *(f"download_render:{fault}" for fault in PASSING),
    *(f"get_render:{fault}@0.3" for fault in ("null-url", "api-url")),
    "render:failed@0.05",
]

# Attempts enough that no row of thousands has bad luck with all of them, and the pace of a test: many of these polls
# fail, and each failure doubles the gap to the next.
HASTE: dict[str, Any] = {
    "retries": RetryPolicy(attempts=12, first_delay=0.02, max_delay=0.2),
    "polling": PollPolicy(first=0.05, max=0.1),
}


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.full)])
async def test_every_row_ends_as_it_should(tmp_path: Path, count: int) -> None:
    """Rows whose render failed say so, all others have their document, and no render failed by a rate."""
    rows = [RenderRequest("charter-handover", {"booking": {"code": f"BK-{n}"}}, key=f"BK-{n}") for n in range(count)]
    async with (
        Emulator(latency="0.05", pdf=False, faults=FAULTS, seed=7) as emulator,
        Craftkit(emulator.api_key, base_url=emulator.url, **HASTE) as craftkit,
        craftkit.render_many(rows, journal=tmp_path / "run.db", download_to=tmp_path) as batch,
    ):
        outcomes = [outcome async for outcome in batch]
        report = batch.report
        renders = emulator.renders

    ended = Counter(render.status for render in renders)
    assert sorted(outcome.index for outcome in outcomes) == list(range(count))
    assert len({render.idempotency_key for render in renders}) == len(renders) == count
    assert (report.rows, report.succeeded, report.failed) == (count, ended["succeeded"], ended["failed"])
    assert report.by_error == {"render_failed": ended["failed"]}
    assert report.saved == len({outcome.path for outcome in outcomes if outcome.path}) == ended["succeeded"]
    assert report.retries > 0
    assert report.throttled > 0
