"""Files: a document is written beside its target, flushed, and then renamed; the disk never blocks the loop."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar, TypeVarTuple

from craftkit_async.errors import ConfigurationError, DownloadError

Arguments = TypeVarTuple("Arguments")
Done = TypeVar("Done")

# So much is gathered before a thread is asked to write it: a hop costs about as much as writing 64 KiB.
_GATHERED_BYTES = 2**18

_RANDOM_BYTES = 6


class DocumentFile:
    """A document that is being written."""

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
        await on_disk(self._file.write, gathered)


async def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the path of a document to be, or refuse one that nothing can be written to."""
    target = _read_path(path)
    if not target.name or await on_disk(target.is_dir):
        raise ConfigurationError(f"path takes the name of a file, and {str(path)!r} is a directory")
    if not await on_disk(target.parent.is_dir):
        raise ConfigurationError(f"the directory {str(target.parent)!r} does not exist; make it first")
    return target


@asynccontextmanager
async def write_document(target: Path) -> AsyncIterator[DocumentFile]:
    """Open a file beside `target` that replaces it if all goes well and is removed otherwise."""
    beside = target.with_name(f".{os.urandom(_RANDOM_BYTES).hex()}.part")
    # Holds what the thread has opened even where a cancellation keeps its result from arriving.
    left = ExitStack()
    try:
        file = await on_disk(_open, beside, left)
        document = DocumentFile(file)
        yield document
        await document.flush()
        await on_disk(_put, file, beside, target)
    finally:
        await on_disk(left.close)


def _open(beside: Path, left: ExitStack) -> BinaryIO:
    left.callback(beside.unlink, missing_ok=True)
    return left.enter_context(beside.open("xb"))


def _put(file: BinaryIO, beside: Path, target: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
    beside.replace(target)


def _read_path(path: object) -> Path:
    try:
        target = Path(path)  # type: ignore[arg-type]  # whatever is no path raises
        is_usable = b"\0" not in os.fsencode(target)
    except (TypeError, ValueError):
        target, is_usable = Path(), False
    if not is_usable:
        raise ConfigurationError("path takes the name of a file, as text or as a Path")
    return target


async def on_disk(work: Callable[[*Arguments], Done], *arguments: *Arguments) -> Done:
    """Work in a thread; no thread can be stopped, so a cancellation comes through when it is done."""
    done = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    cancelled: asyncio.CancelledError | None = None
    while not done.done():
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError as error:
            cancelled = error
    failure = done.exception()
    if cancelled is not None:
        raise cancelled
    if isinstance(failure, OSError):
        raise DownloadError(
            f"the document cannot be written: {failure.strerror or type(failure).__name__}"
        ) from failure
    return done.result()
