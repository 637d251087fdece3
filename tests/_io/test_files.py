"""Files: whole or not there at all; on a real loop, since the disk is worked in threads."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from craftkit_async import ConfigurationError, Craftkit, DownloadError, RetryPolicy
from craftkit_async._io import files
from craftkit_async.testing import FakeReply, FakeTransport
from tests.support.cancelling import cancel_everywhere, other_tasks

PDF = b"%PDF-1.7\n" + b"." * 3000 + b"%%EOF"
# Larger than what is gathered before it is written.
LARGE = b"%PDF-1.7\n" + b"." * 2**19
OLD = b"%PDF-old"


def names(directory: Path) -> list[str]:
    return sorted(place.name for place in directory.iterdir())


def client(transport: FakeTransport) -> Craftkit:
    return Craftkit("ck_test_key", transport=transport, retries=RetryPolicy(attempts=2, first_delay=0.0))


@pytest.mark.parametrize("body", [PDF, LARGE])
async def test_document_is_saved(tmp_path: Path, body: bytes) -> None:
    """The document lies at its path, with nothing beside it; an older one is replaced."""
    place = tmp_path / "a.pdf"
    place.write_bytes(OLD)

    async with client(FakeTransport([FakeReply(body=body)])) as craftkit:
        assert await craftkit.renders.download("r1", place) == place

    assert place.read_bytes() == body
    assert names(tmp_path) == ["a.pdf"]


async def test_path_may_be_text(tmp_path: Path) -> None:
    """Text and paths are taken alike, by all operations that save."""
    async with client(FakeTransport(lambda _: FakeReply(body=PDF))) as craftkit:
        await craftkit.renders.download("r1", str(tmp_path / "a.pdf"))
        await craftkit.signatures.download("s1", str(tmp_path / "b.pdf"))
        await craftkit.signatures.certificate("s1", str(tmp_path / "c.pdf"))
        await craftkit.embed.download("r1", str(tmp_path / "d.pdf"))

    assert names(tmp_path) == ["a.pdf", "b.pdf", "c.pdf", "d.pdf"]


async def test_longest_name_works(tmp_path: Path) -> None:
    """The file beside is named so that any name that the disk takes can be a target."""
    place = tmp_path / ("n" * 255)

    async with client(FakeTransport([FakeReply(body=PDF)])) as craftkit:
        await craftkit.renders.download("r1", place)

    assert place.read_bytes() == PDF


@pytest.mark.parametrize("announced", [True, False])
async def test_progress_is_told(tmp_path: Path, announced: bool) -> None:  # noqa: FBT001 - a case
    """`progress` gets the bytes so far, and all of them where they were announced."""
    seen: list[tuple[int, int | None]] = []
    headers = {} if announced else {"content-length": ""}

    async with client(FakeTransport([FakeReply(body=PDF, headers=headers)])) as craftkit:
        await craftkit.renders.download("r1", tmp_path / "a.pdf", progress=lambda *step: seen.append(step))

    assert [received for received, _ in seen] == [1024, 2048, len(PDF)]
    assert {total for _, total in seen} == {len(PDF) if announced else None}


@pytest.mark.parametrize(
    "reply",
    [
        FakeReply(body=b"<html>"),
        FakeReply(body=PDF, cut_at=2000),
        FakeReply(body=PDF, headers={"content-length": "99999"}),
        FakeReply(body=PDF, headers={"content-length": str(2**40)}),
    ],
)
async def test_failed_download_leaves_all_as_it_was(tmp_path: Path, reply: FakeReply) -> None:
    """Nothing is left beside, and what was at the path stays."""
    place = tmp_path / "a.pdf"
    place.write_bytes(OLD)
    transport = FakeTransport(lambda _: reply)

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError):
            await craftkit.renders.download("r1", place)

    assert place.read_bytes() == OLD
    assert names(tmp_path) == ["a.pdf"]
    assert transport.in_flight == 0


async def test_error_of_the_progress_passes_and_leaves_nothing(tmp_path: Path) -> None:
    """What the caller's own function raises is the caller's, and cleans up as well."""
    transport = FakeTransport([FakeReply(body=PDF)])

    def fail(_: int, __: int | None) -> None:
        raise ZeroDivisionError

    async with client(transport) as craftkit:
        with pytest.raises(ZeroDivisionError):
            await craftkit.renders.download("r1", tmp_path / "a.pdf", progress=fail)

    assert names(tmp_path) == []
    assert transport.in_flight == 0


@pytest.mark.parametrize("path", [b"a.pdf", 7, None, "a\0b", "\udfff\ud800"])
async def test_what_is_no_path_is_refused(path: Any) -> None:
    """A path is text or a Path that the file system can hold."""
    async with client(FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match="path takes the name of a file"):
            await craftkit.renders.download("r1", path)


async def test_directories_are_no_files(tmp_path: Path) -> None:
    """A path is refused before any request where nothing could be written to it."""
    async with client(FakeTransport([])) as craftkit:
        for place in (tmp_path, Path(), Path("/")):
            with pytest.raises(ConfigurationError, match="is a directory"):
                await craftkit.renders.download("r1", place)
        with pytest.raises(ConfigurationError, match="does not exist"):
            await craftkit.renders.download("r1", tmp_path / "no" / "a.pdf")


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _bare(*_: object) -> None:
    raise OSError


@pytest.mark.parametrize(("step", "fail"), [("_open", _full), ("_put", _full), ("_put", _bare)])
async def test_disk_errors_are_download_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, fail: Callable[..., None]
) -> None:
    """A full disk is an error of the download, not sent again, with its cause; the connection is given up."""
    monkeypatch.setattr(files, step, fail)
    transport = FakeTransport([FakeReply(body=PDF)])

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match=r"cannot be written: (No space left on device|OSError)") as caught:
            await craftkit.renders.download("r1", tmp_path / "a.pdf")

    assert isinstance(caught.value.__cause__, OSError)
    assert names(tmp_path) == []
    assert transport.in_flight == 0


@pytest.mark.parametrize("gathered", [1500, 2**18])
async def test_cancelled_download_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gathered: int
) -> None:
    """Cancelled at any wait, the disk's included, a download leaves no file beside and the target whole."""
    place = tmp_path / "a.pdf"
    place.write_bytes(OLD)
    transport = FakeTransport(lambda _: FakeReply(body=PDF))
    monkeypatch.setattr(files, "_GATHERED_BYTES", gathered)
    craftkit = client(transport)

    def check() -> None:
        assert names(tmp_path) == ["a.pdf"]
        assert place.read_bytes() in {OLD, PDF}
        assert craftkit.statistics().in_flight == 0
        assert transport.in_flight == 0
        assert not other_tasks()

    async with craftkit:
        waits = await cancel_everywhere(lambda: craftkit.renders.download("r1", place), check)

    assert waits > 10


async def test_second_cancellation_waits_for_the_disk_too(tmp_path: Path) -> None:
    """However often a download is cancelled, what its thread has begun is cleaned up first."""
    place = tmp_path / "a.pdf"
    craftkit = client(FakeTransport(lambda _: FakeReply(body=PDF)))

    async with craftkit:
        for turns in range(30):
            task = asyncio.ensure_future(craftkit.renders.download("r1", place))
            for _ in range(turns):
                await asyncio.sleep(0)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0)
            await asyncio.wait([task])

            assert not [name for name in names(tmp_path) if name.endswith(".part")]
