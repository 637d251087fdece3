"""A service on which everything goes wrong at times: one outcome for each row, right counts, nothing twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from craftkit_async import Craftkit, Outcome, PollPolicy, RenderRequest, RetryPolicy
from craftkit_async.cli.receiving import receiving
from craftkit_async.emulator import Emulator
from craftkit_async.emulator.faults.grammar import ANSWER_KINDS, DELIVERY_KINDS, RENDER_KINDS, parse_faults
from craftkit_async.emulator.storage.records import Delivery
from craftkit_async.emulator.webhooks.outbox import parse_drawn

SECRET = "whsec_test"

# What passes. What asks for a second of retry_delay comes once, or thousands of rows would do little else than wait.
PASSING = [
    *("429=0@0.05", "429=1#1", "429=date#1", "503=0@0.03", "503=1#1", "500@0.03", "502@0.03", "503@0.03"),
    *("reset@0.03", "reset-before@0.03", "reset-after@0.03", "truncate@0.02", "slow=0.2@0.05", "html@0.02"),
    *("flat@0.3", "www@0.1", "null-url@0.3", "api-url@0.3"),
]
UNREADABLE = ["html=200@0.02", "empty@0.02"]
FAULTS = {
    "render_template": [*PASSING, *UNREADABLE, "status=paused@0.1"],
    # The status of a moment ago: an unknown one, beside an end without an address, may well mean a failure.
    "get_render": [*PASSING, *UNREADABLE, "status=rendering@0.1", "redirect#3"],
    "download_render": [*PASSING, "status=paused@0.1"],
    "render": ["failed@0.05"],
    "webhook": ["early@0.1", "late=0.3@0.1", "duplicate@0.2", "reorder@0.1", "lost@0.3", "forged@0.1"],
}
RULES = parse_faults((f"{target}:{fault}" for target, faults in FAULTS.items() for fault in faults), FAULTS)
KINDS = dict.fromkeys(FAULTS, ANSWER_KINDS) | {"render": RENDER_KINDS, "webhook": DELIVERY_KINDS}

# What ends a row, and rightly so.
LEFT_OUT = {
    ("render_template", "401"): "a wrong key stays wrong",
    ("get_render", "401"): "a wrong key stays wrong",
    ("download_render", "401"): "a wrong key stays wrong",
    ("render_template", "redirect"): "the service is somewhere else; only a look has another chance anyway",
    ("download_render", "redirect"): "the service is somewhere else",
    ("download_render", "empty"): "what came whole and is no document would be none the next time",
}

# Attempts enough that no row of thousands has bad luck with all of them, and the pace of a test: many of these polls
# fail, and each failure doubles the gap to the next.
HASTE: dict[str, Any] = {
    "retries": RetryPolicy(attempts=12, first_delay=0.02, max_delay=0.2),
    "polling": PollPolicy(first=0.05, max=0.1, net_first=0.2, net_max=0.4),
}


def test_every_fault_is_on_or_left_out() -> None:
    """Whatever kind of fault the local Craftkit learns has to be put in here, or to be left out for a reason."""
    used = {(rule.target, rule.fault.kind) for rule in RULES}

    assert used.isdisjoint(LEFT_OUT)
    assert used | set(LEFT_OUT) == {(target, kind) for target, kinds in KINDS.items() for kind in kinds}


@pytest.mark.parametrize(("target", "kind"), LEFT_OUT)
async def test_what_is_left_out_ends_a_row(tmp_path: Path, target: str, kind: str) -> None:
    """It is not even tried again."""
    async with (
        Emulator(latency="0", pdf=False, faults=["get_render:null-url", f"{target}:{kind}"]) as emulator,
        Craftkit(emulator.api_key, base_url=emulator.url, **HASTE) as craftkit,
    ):
        [outcome] = [each async for each in craftkit.render_many(_make_rows(1), download_to=tmp_path)]

        assert not outcome.ok
        assert [request.operation for request in emulator.requests].count(target) == 1


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.full)])
async def test_every_row_ends_as_it_should(tmp_path: Path, count: int) -> None:
    """Rows whose render failed say so, all others have their document, and no render failed by a rate."""
    async with (
        Emulator(latency="0.05", pdf=False, faults=map(str, RULES), seed=7) as emulator,
        Craftkit(emulator.api_key, base_url=emulator.url, webhook_secret=SECRET, **HASTE) as craftkit,
        receiving(craftkit) as address,
    ):
        emulator.subscribe(address, SECRET)
        async with craftkit.render_many(_make_rows(count), journal=tmp_path / "run.db", download_to=tmp_path) as batch:
            outcomes = [outcome async for outcome in batch]
        await _settle(emulator)
        report, statistics = batch.report, craftkit.statistics()
        renders, deliveries = emulator.renders, emulator.deliveries
        struck = [request.faults for request in emulator.requests] + [render.faults for render in renders]

    ended = Counter(render.status for render in renders)
    assert {fault.kind for faults in struck for fault in parse_drawn(faults)} == {rule.fault.kind for rule in RULES}
    assert sorted(outcome.index for outcome in outcomes) == list(range(count))
    assert len({render.idempotency_key for render in renders}) == len(renders) == count
    assert (report.rows, report.succeeded, report.failed) == (count, ended["succeeded"], ended["failed"])
    assert report.by_error == {"render_failed": ended["failed"]}
    assert report.saved == len({outcome.path for outcome in outcomes if outcome.path}) == ended["succeeded"]
    assert report.retries > 0
    assert report.throttled > 0
    assert report.by_source["webhook"] > 0
    assert report.by_source["poll"] > 0
    assert sum(report.by_source.values()) == count

    arrived = [len(delivery.attempts) for delivery in deliveries if not delivery.forged]
    assert _sources_of_lost(outcomes, deliveries) <= {"poll", "replay"}
    assert statistics.refused == sum(delivery.forged for delivery in deliveries) > 0
    assert statistics.deliveries == sum(arrived)
    assert statistics.duplicates >= sum(tries - 1 for tries in arrived if tries) > 0


def _make_rows(count: int) -> list[RenderRequest]:
    return [RenderRequest("charter-handover", {"booking": {"code": f"BK-{n}"}}, key=f"BK-{n}") for n in range(count)]


async def _settle(emulator: Emulator) -> None:
    """Wait until every delivery has ended; none comes any more that could overtake one that is held back for that."""
    emulator.advance(5)
    is_settled = False
    async with asyncio.timeout(60):
        while not is_settled:
            await asyncio.sleep(0.01)
            is_settled = all(delivery.state != "pending" for delivery in emulator.deliveries)


def _sources_of_lost(outcomes: Sequence[Outcome], deliveries: Sequence[Delivery]) -> set[str | None]:
    """Say who brought the results of which no webhook told."""
    lost = {delivery.subject for delivery in deliveries if delivery.state == "lost"}
    return {outcome.source for outcome in outcomes if outcome.render and outcome.render.id in lost}
