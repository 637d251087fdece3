"""The journal: what it keeps, what it refuses, and what a batch does with it the next time."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from craftkit_async import (
    Craftkit,
    InvalidRequestError,
    JournalError,
    RenderFailedError,
    RenderRequest,
    RenderStatus,
    Request,
)
from craftkit_async.batch import Outcome
from craftkit_async.batch.journal.file import FAILED, SUBMITTED, SUCCEEDED, JournalFile, Record
from craftkit_async.batch.journal.writer import Journal
from craftkit_async.testing import FakeReply
from tests.support.service import Service, client, keyed

ROW = Record("a", "h" * 40, 1, SUBMITTED, "n:t:" + "h" * 40)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


async def run(craftkit: Craftkit, requests: Iterable[Any], journal: Path, **options: Any) -> list[Outcome]:
    return [outcome async for outcome in craftkit.render_many(requests, journal=journal, ordered=True, **options)]


def kept(path: Path) -> dict[str, Record]:
    """Read what a closed journal says."""
    file = JournalFile(path, None)
    try:
        return file.exchange([ROW._replace(key=key) for key in "abcd"], {})
    finally:
        file.close()


def namespace_of(path: Path, namespace: str | None = None) -> str:
    """Open a journal and close it again."""
    file = JournalFile(path, namespace)
    file.close()
    return file.namespace


# ---- which files it takes


def test_it_is_private_from_the_start(path: Path) -> None:
    """Nobody else may read it, not even while it is being made; nor the log beside it."""
    file = JournalFile(path, None)
    file.exchange([ROW], {})
    modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    file.close()

    assert modes == {0o600}


def test_an_empty_file_is_a_new_journal(path: Path) -> None:
    """It may have been made by a run that was killed at once; it becomes private."""
    path.touch(0o644)
    JournalFile(path, "june").close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert namespace_of(path) == "june"


def test_a_database_without_a_table_is_a_new_journal(path: Path) -> None:
    """A run may have been killed before its first table."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("VACUUM")
    database.close()

    assert path.stat().st_size > 0
    assert namespace_of(path, "june") == "june"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"number,total\n1,2\n" * 100, "no journal"), (b"SQLite format 3\0" + b"\1" * 4096, "cannot be used")],
)
def test_what_is_no_journal_is_left_as_it_is(path: Path, content: bytes, words: str) -> None:
    """A wrong path must not cost anybody a file."""
    path.write_bytes(content)
    with pytest.raises(JournalError, match=words):
        JournalFile(path, None)

    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_somebody_elses_database_is_left_as_it_is(path: Path, mode: str) -> None:
    """Even one that is open, with its tables still in the log beside it."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(f"PRAGMA journal_mode = {mode}")
    database.execute("CREATE TABLE customers (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="SQLite file of another program"):
        JournalFile(path, None)

    assert path.read_bytes() == before
    database.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="SQLite file of another program"):
        JournalFile(path, None)
    assert path.read_bytes() == before


def test_a_damaged_journal_is_left_as_it_is(path: Path) -> None:
    """What it says cannot be trusted, and rendering all again is not for us to decide."""
    file = JournalFile(path, None)
    file.exchange([], {str(number): ROW._replace(key=str(number)) for number in range(1000)})
    file.close()
    whole = path.read_bytes()
    for damaged in (whole[:8192] + b"\xff" * 4096 + whole[12288:], whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(JournalError, match="left as it is"):
            JournalFile(path, None)

        assert path.read_bytes() == damaged


def test_a_journal_of_another_version_is_refused(path: Path) -> None:
    """It may mean something else by the same names."""
    JournalFile(path, None).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()

    with pytest.raises(JournalError, match="version 2"):
        JournalFile(path, None)


def test_a_path_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """In one sentence."""
    with pytest.raises(JournalError, match="cannot be opened"):
        JournalFile(tmp_path / "missing" / "run.db", None)


def test_a_second_batch_is_refused(path: Path) -> None:
    """The first one holds SQLite's own lock, so it also goes with the process."""
    first = JournalFile(path, None)
    with pytest.raises(JournalError, match="in use by another batch"):
        JournalFile(path, None)
    first.close()

    JournalFile(path, None).close()


def test_a_second_batch_is_refused_while_the_first_begins(path: Path) -> None:
    """Before the first table is there, the lock is."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalError, match="in use by another batch"):
        JournalFile(path, None)
    database.close()


def test_what_cannot_be_written_is_said(path: Path) -> None:
    """Where it is written."""
    file = JournalFile(path, None)
    file.exchange([ROW], {})
    file._database.execute("DROP TABLE rows")
    with pytest.raises(JournalError, match="cannot be written"):
        file.exchange([ROW], {})
    file.close()


def test_the_namespace_stays(path: Path) -> None:
    """Chosen at random it is kept, and another one is refused: the same rows would be rendered again."""
    namespace = namespace_of(path)

    with pytest.raises(JournalError, match="begun under the namespace"):
        JournalFile(path, "july")
    assert namespace_of(path, namespace) == namespace
    assert len(namespace) == 16


def test_a_first_transaction_that_was_cut_is_taken_back(path: Path) -> None:
    """Killed while its tables are written, a journal has a rollback journal beside it, and is new again."""
    JournalFile(path, "june").close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("DROP TABLE about")
    database.execute("DROP TABLE rows")
    database.close()
    # A rollback journal without a header is empty: nothing to take back.
    path.with_name("run.db-journal").touch()

    assert namespace_of(path, "july") == "july"


# ---- the thread


async def test_rows_are_written_in_groups(path: Path) -> None:
    """What is known is told, what is new is in the file when the call returns, and the last word counts."""
    journal = await Journal.open(path, None, str)
    async with asyncio.TaskGroup() as group:
        begun = [group.create_task(journal.begin(ROW._replace(key=key))) for key in "abc"]
    for state in (SUCCEEDED, FAILED):
        journal.put(ROW._replace(key="a", state=state))
    await journal.write(ROW._replace(key="b", attempt=2))
    await journal.aclose()

    assert [task.result() for task in begun] == [None] * 3
    found = kept(path)
    assert (found["a"].state, found["b"].attempt, found["c"]) == (FAILED, 2, ROW._replace(key="c"))
    again = await Journal.open(path, None, str)
    assert await again.begin(ROW._replace(key="b", hash="x" * 40)) == ROW._replace(key="b", attempt=2)
    await again.aclose()


async def test_a_journal_that_cannot_be_opened_says_so(path: Path) -> None:
    """Where it is opened, and its thread ends."""
    path.write_bytes(b"no journal at all")  # noqa: ASYNC240 - nothing else waits
    with pytest.raises(JournalError):
        await Journal.open(path, None, str)


async def test_opening_can_be_cancelled(path: Path) -> None:
    """The file is closed again before the cancellation comes through."""
    opening = asyncio.ensure_future(Journal.open(path, None, str))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    JournalFile(path, None).close()


async def test_who_asks_may_give_up(path: Path) -> None:
    """What was noted for somebody who was cancelled is noted."""
    journal = await Journal.open(path, None, str)
    asking = asyncio.ensure_future(journal.begin(ROW))
    await asyncio.sleep(0)
    asking.cancel()
    await journal.write(ROW._replace(key="b"))
    await journal.aclose()

    assert asking.cancelled()
    assert kept(path)["a"] == ROW


async def test_closing_comes_through_a_cancellation(path: Path) -> None:
    """What was noted is in the file even so."""
    journal = await Journal.open(path, None, str)
    journal.put(ROW)
    closing = asyncio.ensure_future(journal.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing

    assert kept(path)["a"] == ROW


async def test_a_disk_that_fails_stops_the_batch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is sent that the journal would not know of; each row says so, and so does the end."""

    def fail(*_: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(JournalFile, "exchange", fail)
    service = Service(ends_after=0.0)
    async with client(service) as craftkit, craftkit.render_many(keyed("ab"), journal=path) as batch:
        errors = [(await anext(batch)).error for _ in range(2)]
        with pytest.raises(JournalError, match="full"):
            await anext(batch)

    assert [str(error) for error in errors] == ["the disk is full"] * 2
    assert errors[0] is not errors[1]
    assert service.ids == {}


# ---- running again


async def test_what_is_finished_comes_from_the_journal(path: Path) -> None:
    """Without a request; the rows may come in another order, and there may be new ones."""
    service = Service(ends_after=0.0)
    async with client(service) as craftkit:
        await run(craftkit, keyed("abc"), path)
    before = len(service.ids)
    async with client(service) as craftkit:
        outcomes = await run(craftkit, [*reversed(keyed("abc")), RenderRequest("invoice", {}, key="d")], path)
        submitted = craftkit.statistics().submitted

    assert [outcome.source for outcome in outcomes] == ["journal"] * 3 + ["poll"]
    assert [outcome.unwrap().status for outcome in outcomes] == [RenderStatus.SUCCEEDED] * 4
    assert (before, submitted) == (3, 1)


async def test_rows_without_a_key_are_known_by_their_data(path: Path) -> None:
    """And by how often it came; where they stand does not matter."""
    service = Service(ends_after=0.0)
    first = [RenderRequest("invoice", {"n": n}) for n in (1, 2, 2)]
    async with client(service) as craftkit:
        await run(craftkit, first, path)
        outcomes = await run(craftkit, [RenderRequest("invoice", {"n": n}) for n in (2, 0, 1, 2, 2)], path)

    assert [outcome.source for outcome in outcomes] == ["journal", "poll", "journal", "journal", "poll"]


async def test_what_was_submitted_is_waited_for(path: Path) -> None:
    """Its id is known, so nothing is sent but the question."""
    service = Service(ends_after=0.3)
    async with client(service) as craftkit:
        async with craftkit.render_many(keyed("ab"), journal=path, timeout=0.05) as batch:
            cut = [outcome async for outcome in batch]
        outcomes = await run(craftkit, keyed("ab"), path)
        submitted = craftkit.statistics().submitted

    assert not any(outcome.ok for outcome in cut)
    assert all(outcome.ok for outcome in outcomes)
    assert submitted == 2


async def test_what_is_uncertain_is_sent_again_under_its_key(path: Path) -> None:
    """The answer was lost with the first run; the service has the render already."""
    lost = True

    def lose(request: Request) -> FakeReply | None:
        return FakeReply(after=60.0) if lost and request.method == "POST" else None

    service = Service(ends_after=0.0, on_request=lose)
    async with client(service) as craftkit:
        async with craftkit.render_many(keyed("a"), journal=path):
            while not craftkit.statistics().in_flight:  # noqa: ASYNC110 - a request sets no event
                await asyncio.sleep(0.001)
        lost = False
        [outcome] = await run(craftkit, keyed("a"), path)

    assert outcome.ok
    assert outcome.attempts == 1
    [key] = service.ids
    assert key == kept(path)["a"].idempotency_key


async def test_a_failed_row_gets_another_attempt_on_request(path: Path) -> None:
    """It stays failed otherwise: the same key would only find the same failure."""
    service = Service(ends_after=0.0)
    failing = [RenderRequest("invoice", {"fails": True}, key="a")]
    async with client(service) as craftkit:
        [first] = await run(craftkit, failing, path)
        [known] = await run(craftkit, failing, path)
        [again] = await run(craftkit, failing, path, retry_failed=True)

    assert [outcome.source for outcome in (first, known, again)] == ["poll", "journal", "poll"]
    assert [outcome.attempts for outcome in (first, known, again)] == [1, 1, 2]
    assert isinstance(known.error, RenderFailedError)
    assert known.render is not None
    assert first.render is not None
    assert known.render.id == first.render.id
    assert len(service.ids) == 2


async def test_a_refusal_is_kept_without_its_words(path: Path) -> None:
    """Status and code come back; what the service said about somebody's data does not lie in the file."""
    issues = {"fieldErrors": {"name": ["Mira Halden is no number"]}}
    error = {"code": "invalid_input_data", "message": "Mira Halden is no number", "issues": issues}
    service = Service(ends_after=1.0, on_request=lambda _: FakeReply(status=400, json={"error": error}))
    async with client(service) as craftkit:
        await run(craftkit, keyed("a"), path)
        [known] = await run(craftkit, keyed("a"), path)

    assert isinstance(known.error, InvalidRequestError)
    assert (known.error.status, known.error.code, known.source) == (400, "invalid_input_data", "journal")
    assert known.render is None
    assert b"Halden" not in path.read_bytes()  # noqa: ASYNC240 - nothing else waits


async def test_a_wrong_key_says_nothing_about_the_row(path: Path) -> None:
    """The next run, with a good one, goes on."""
    service = Service(ends_after=0.0, on_request=lambda _: FakeReply(status=401))
    async with client(service) as craftkit:
        [refused] = await run(craftkit, keyed("a"), path)
        service.on_request = lambda _: None
        [outcome] = await run(craftkit, keyed("a"), path)

    assert not refused.ok
    assert outcome.ok


@pytest.mark.parametrize("on_changed", ["error", "render", "keep"])
async def test_changed_data_under_a_known_key_is_decided(path: Path, on_changed: Any) -> None:
    """An error by default; the new data is rendered, or the old document stands, where one says so."""
    service = Service(ends_after=0.0)
    async with client(service) as craftkit:
        [old] = await run(craftkit, [RenderRequest("invoice", {"n": 1}, key="a")], path)
        [new] = await run(craftkit, [RenderRequest("invoice", {"n": 2}, key="a")], path, on_changed=on_changed)

    assert old.ok
    if on_changed == "error":
        assert isinstance(new.error, JournalError)
    if on_changed == "render":
        assert (new.ok, new.attempts, [*service.data.values()]) == (True, 2, [{"n": 1}, {"n": 2}])
    if on_changed == "keep":
        assert (new.source, new.unwrap().id) == ("journal", old.unwrap().id)


async def test_what_changed_before_its_first_render_is_rendered(path: Path) -> None:
    """There is nothing to keep yet."""
    JournalFile(path, None).close()
    journal = await Journal.open(path, None, str)
    await journal.write(ROW)
    await journal.aclose()
    async with client(Service(ends_after=0.0)) as craftkit:
        [outcome] = await run(craftkit, keyed("a"), path, on_changed="keep")

    assert outcome.ok


# ---- documents


@pytest.fixture
async def craftkit() -> AsyncIterator[Craftkit]:
    async with client(Service(ends_after=0.0)) as craftkit:
        yield craftkit


async def test_documents_are_saved_under_the_rows_keys(craftkit: Craftkit, tmp_path: Path) -> None:
    """Made safe, and numbered where two would be one file; the folder is made."""
    folder = tmp_path / "new" / "pdfs"
    keys = ["a/b", "a_b", "A_B", "a_b-2", "../../etc", "con"]
    outcomes = [o async for o in craftkit.render_many(keyed(keys), download_to=folder, ordered=True)]

    names = [outcome.path.name for outcome in outcomes if outcome.path]
    assert names == ["a_b.pdf", "a_b-2.pdf", "A_B-3.pdf", "a_b-2-2.pdf", "etc.pdf", "_con.pdf"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert all(file.read_bytes().startswith(b"%PDF-") for file in folder.iterdir())


async def test_saved_documents_are_not_fetched_again(craftkit: Craftkit, path: Path) -> None:
    """Unless one is gone; a new row never takes the name of a saved one."""
    folder = path.parent / "pdfs"
    await run(craftkit, keyed(["a b", "a_b"]), path, download_to=folder)
    (folder / "a_b.pdf").unlink()
    outcomes = await run(
        craftkit, [*keyed(["a b", "a_b"]), RenderRequest("invoice", {}, key="a  b")], path, download_to=folder
    )

    assert craftkit.statistics().downloads == 4
    assert [outcome.source for outcome in outcomes] == ["journal", "journal", "poll"]
    assert [outcome.path.name for outcome in outcomes if outcome.path] == ["a_b.pdf", "a_b-2.pdf", "a_b-5.pdf"]


async def test_what_was_rendered_is_fetched_later(craftkit: Craftkit, path: Path) -> None:
    """A run that saves may follow one that did not."""
    await run(craftkit, keyed("a"), path)
    [outcome] = await run(craftkit, keyed("a"), path, download_to=path.parent / "pdfs")

    assert outcome.path == path.parent / "pdfs" / "a.pdf"
    assert (outcome.source, craftkit.statistics().submitted) == ("journal", 1)


async def test_a_document_that_cannot_be_fetched_is_an_error_with_its_render(path: Path) -> None:
    """The next run fetches it, and renders nothing."""
    service = Service(
        ends_after=0.0, on_request=lambda request: FakeReply(body=b"<html>") if "download" in request.url else None
    )
    async with client(service) as craftkit:
        [lost] = await run(craftkit, keyed("a"), path, download_to=path.parent)
        service.on_request = lambda _: None
        [found] = await run(craftkit, keyed("a"), path, download_to=path.parent)

    assert lost.render is not None
    assert not lost.ok
    assert found.path is not None
    assert len(service.ids) == 1


async def test_a_folder_that_cannot_be_made_is_said_at_once(craftkit: Craftkit, tmp_path: Path) -> None:
    """Before anything is rendered."""
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="cannot be written"):
        [outcome async for outcome in craftkit.render_many(keyed("a"), download_to=tmp_path / "file")]
