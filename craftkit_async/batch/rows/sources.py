"""Where rows come from: files and pipes of JSON lines or CSV."""

import os
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.manifests import read_manifest
from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.rows.lines import Lines, bundle
from craftkit_async.batch.rows.parsing import Reading, parse_csv, parse_jsonl
from craftkit_async.batch.rows.requests import BadRow
from craftkit_async.errors import ConfigurationError
from craftkit_async.models.templates import Manifest

# The file name that means standard input.
_STDIN = "-"

Source = str | os.PathLike[str] | BinaryIO


def read_jsonl(
    source: Source, *, template: str | None = None, key: str | None = None
) -> AsyncGenerator[RenderRequest | BadRow, None]:
    """Read one request from each line of a file, of a binary stream, or of standard input, which is `-`.

    With a template, each line is the data; without, it is an object of `template`, `data` and, if you like, `key`,
    `version` and `filename`. `key` here is the dotted path of the value in the data that names the row.
    """
    allow(str, template=template, key=key)
    reading = Reading(template, key)
    return _read(source, lambda lines: parse_jsonl(lines, reading))


def read_csv(
    source: Source,
    *,
    template: str,
    key: str | None = None,
    manifest: Manifest | Mapping[str, Any] | None = None,
    delimiter: str = ",",
) -> AsyncGenerator[RenderRequest | BadRow, None]:
    """Read one request from each record; a header `customer.name` fills `name` in `customer`.

    With a manifest, cells of its numbers and booleans become such, and those of its loops hold JSON arrays.
    """
    need(str, template=template, delimiter=delimiter)
    allow(str, key=key)
    if len(delimiter) != 1:
        raise ConfigurationError(f"delimiter takes one character, not {delimiter!r}")
    reading = Reading(template, key, None if manifest is None else read_manifest(manifest))
    return _read(source, lambda lines: parse_csv(lines, reading, delimiter=delimiter))


def _read(
    source: Source, parse: Callable[[Lines], Iterator[RenderRequest | BadRow]]
) -> AsyncGenerator[RenderRequest | BadRow, None]:
    if source == _STDIN:
        file, close = sys.stdin.buffer, _leave_open
    elif isinstance(source, str | os.PathLike):
        file = _open(Path(source))
        close = file.close
    else:
        file, close = source, _leave_open
    lines = Lines(file)
    return bundle(parse(lines), lines, close)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} cannot be read: {error.strerror}") from error


def _leave_open() -> None:
    """Leave what was not opened here."""
