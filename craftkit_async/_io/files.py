"""Files: a document is written beside its place, flushed, and only then put there; the disk never blocks the loop."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar, TypeVarTuple

from anyio import CancelScope
from anyio.to_thread import run_sync

from craftkit_async.errors import ConfigurationError, DownloadError

Arguments = TypeVarTuple("Arguments")
Done = TypeVar("Done")

# So much is gathered before a thread is asked to write it: a hop costs about as much as writing 64 KiB.
_GATHERED_BYTES = 2**18

_RANDOM_BYTES = 6


class DocumentFile:
    """A document on its way to the disk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._gathered = bytearray()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._gathered += chunk
        if len(self._gathered) >= _GATHERED_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Hand what was gathered to the disk."""
        gathered, self._gathered = self._gathered, bytearray()
        await _on_disk(self._file.write, gathered)


async def check_place(path: str | os.PathLike[str]) -> Path:
    """Return the path of a document to be, or refuse one that nothing can be written to."""
    place = Path(path)
    if not place.name or await _on_disk(place.is_dir):
        raise ConfigurationError(f"path takes the name of a file, and {str(path)!r} is a directory")
    if not await _on_disk(place.parent.is_dir):
        raise ConfigurationError(f"the directory {str(place.parent)!r} does not exist; make it first")
    return place


@asynccontextmanager
async def place_document(place: Path) -> AsyncIterator[DocumentFile]:
    """Open a file beside `place` that takes it over if all goes well and vanishes otherwise."""
    beside = place.with_name(f".{place.name}.{os.urandom(_RANDOM_BYTES).hex()}.part")
    file = await _on_disk(_open, beside)
    try:
        document = DocumentFile(file)
        yield document
        await document.flush()
        await _on_disk(_put, file, beside, place)
    finally:
        with CancelScope(shield=True):
            await _on_disk(_discard, file, beside)


async def _on_disk(work: Callable[[*Arguments], Done], *arguments: *Arguments) -> Done:
    try:
        return await run_sync(work, *arguments)
    except OSError as error:
        raise DownloadError(f"the document cannot be written: {error.strerror or type(error).__name__}") from error


def _open(beside: Path) -> BinaryIO:
    return beside.open("xb")


def _put(file: BinaryIO, beside: Path, place: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
    beside.replace(place)


def _discard(file: BinaryIO, beside: Path) -> None:
    file.close()
    beside.unlink(missing_ok=True)
