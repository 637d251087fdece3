"""Parsing: turn lines of JSON or CSV into requests; a bad line becomes a `BadRow`."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any

import attrs

from craftkit_async._sansio.calls.codec import slow_loads
from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.rows.requests import BadRow
from craftkit_async.errors import ConfigurationError, CraftkitError, InvalidDataError
from craftkit_async.models.issues import Issue
from craftkit_async.models.templates import Manifest

ParsedRow = RenderRequest | BadRow

# As long as the longest line that is read. The csv module's own limit makes rows of the rest of a longer cell.
_LONGEST_CELL = 16 * 2**20

_WHOLE = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The members of a line that names its own template.
_MEMBERS = frozenset({"template", "data", "key", "version", "filename"})


@attrs.frozen(eq=False, repr=False)
class Reading:
    """How lines become requests."""

    template: str | None = None
    """Where it is given, each line of JSON is the data itself."""
    key: str | None = None
    """The dotted path of the value that names the row."""
    manifest: Manifest | None = None
    """Says which cells of a CSV file are numbers, booleans or tables."""


def parse_jsonl(lines: Iterable[bytes], reading: Reading) -> Iterator[ParsedRow]:
    """Turn each line that is not blank into a request."""
    for number, line in enumerate(lines, 1):
        text = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).strip()
        if text:
            yield _row(number, lambda text=text: _json_request(text, reading))  # type: ignore[misc]  # mypy cannot infer the bound default


def _row(number: int, make: Callable[[], RenderRequest]) -> ParsedRow:
    try:
        return make()
    except CraftkitError as error:
        issues = error.issues if isinstance(error, InvalidDataError) else ()
        return BadRow(InvalidDataError(f"line {number}: {error}", issues))


def _json_request(text: bytes, reading: Reading) -> RenderRequest:
    try:
        # The fast parser would round whole numbers over 64 bits.
        document = slow_loads(text)
    except (ValueError, RecursionError):
        raise InvalidDataError("is not JSON") from None
    if not isinstance(document, dict):
        raise InvalidDataError("is no JSON object")
    if reading.template is not None:
        return RenderRequest(reading.template, document, key=_key(document, reading.key))
    if unknown := sorted(document.keys() - _MEMBERS):
        raise InvalidDataError(f"has the unknown member {unknown[0]!r}; {', '.join(sorted(_MEMBERS))} are known")
    if missing := sorted({"template", "data"} - document.keys()):
        raise InvalidDataError(f"lacks {missing[0]!r}; give a template for all lines, or one in each")
    key = document.pop("key", None)
    return RenderRequest(**document, key=_key(document["data"], reading.key) if key is None else _as_key(key, "key"))


def _key(data: Any, path: str | None) -> str | None:
    """Read what names the row: at the dotted path, or under the path as it is written."""
    if path is None:
        return None
    value = data.get(path) if isinstance(data, Mapping) else None
    if value is None:
        value = data
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    return _as_key(value, path)


def _as_key(value: Any, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidDataError(f"has no text or number at {path!r} that could name the row")
    return str(value)


# ---- CSV


def parse_csv(lines: Iterable[bytes], reading: Reading, *, delimiter: str = ",") -> Iterator[ParsedRow]:
    """Turn each record after the header into a request; a dot in a header nests, unless it is a loop's own."""
    # What is no UTF-8 becomes text that cannot be sent, so that it costs its own row and no other.
    # The limit is the process's; a larger one of the program stays.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    records = csv.reader(_texts(lines), delimiter=delimiter)
    columns: tuple[_Column, ...] | None = None
    while (record := _next(records)) is not None:
        if isinstance(record, BadRow):
            yield record
        elif record and columns is None:
            columns = _columns(record, reading.manifest)
        elif any(record) and columns is not None:
            yield _row(records.line_num, lambda cells=record, columns=columns: _csv_request(cells, columns, reading))  # type: ignore[misc]  # mypy cannot infer the bound defaults


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield (line if number else line.removeprefix(_BYTE_ORDER_MARK)).decode(errors="surrogateescape")


def _next(records: Any) -> list[str] | BadRow | None:
    try:
        record: list[str] | None = next(records, None)
    except csv.Error as error:
        if "field limit" in str(error):
            reason = f"a cell is longer than {csv.field_size_limit()} characters; no row after it was read"
            raise InvalidDataError(f"line {records.line_num}: {reason}") from None
        return BadRow(InvalidDataError(f"line {records.line_num}: is not CSV ({error})"))
    return record


@attrs.frozen(eq=False, repr=False)
class _Column:
    path: tuple[str, ...]
    read: Callable[[str], Any]


def _columns(header: list[str], manifest: Manifest | None) -> tuple[_Column, ...]:
    """Return the path and the cell reader of each column; raise `ConfigurationError` for an ambiguous header."""
    loops = frozenset(loop.key for loop in manifest.loops) if manifest else frozenset[str]()
    kinds = {variable.key: variable.data_type for variable in manifest.variables} if manifest else {}
    names = [name.strip() for name in header]
    _check_delimiter(header)
    for name in names:
        _check_name(name, names, loops)
    return tuple(_column(name, loops, kinds) for name in names)


def _check_delimiter(header: list[str]) -> None:
    found = next((mark for mark in ";\t" if len(header) == 1 and mark in header[0]), None)
    if found is not None:
        raise ConfigurationError(f"the header is one column that holds {found!r}; pass delimiter={found!r}")


def _check_name(name: str, names: list[str], loops: frozenset[str]) -> None:
    nested = next((other for other in names if other.startswith(f"{name}.") and other not in loops), None)
    if nested:
        raise ConfigurationError(f"the header {name!r} clashes with {nested!r}")
    if not all(name.split(".")) or names.count(name) > 1:
        raise ConfigurationError(f"the header {name!r} is empty in part, or there twice")


def _column(name: str, loops: frozenset[str], kinds: Mapping[str, str | None]) -> _Column:
    if name in loops:
        return _Column((name,), _table)
    return _Column(tuple(name.split(".")), _reader(kinds.get(name)))


def _csv_request(cells: list[str], columns: tuple[_Column, ...], reading: Reading) -> RenderRequest:
    if len(cells) != len(columns):
        raise InvalidDataError(f"has {len(cells)} cells where the header has {len(columns)}")
    data: dict[str, Any] = {}
    issues = []
    for column, cell in zip(columns, cells, strict=True):
        # An empty cell is an omitted value, which the service distinguishes from an empty one.
        if cell:
            try:
                _nest(data, column.path, column.read(cell))
            except ValueError as error:
                issues.append(Issue(".".join(column.path), str(error)))
    if issues:
        paths = ", ".join(issue.path for issue in issues)
        raise InvalidDataError(f"does not fit the manifest at {paths}", tuple(issues))
    return RenderRequest(reading.template or "", data, key=_cell_key(cells, columns, reading.key))


def _cell_key(cells: list[str], columns: tuple[_Column, ...], path: str | None) -> str | None:
    """Read what names the record: the text of its cell, since two texts may be one number."""
    if path is None:
        return None
    named = zip(columns, cells, strict=True)
    return _as_key(next((cell for column, cell in named if cell and ".".join(column.path) == path), None), path)


def _nest(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *folders, name = path
    for folder in folders:
        data = data.setdefault(folder, {})
    data[name] = value


def _reader(kind: str | None) -> Callable[[str], Any]:
    return _READERS.get(kind or "", str)


def _number(cell: str) -> int | float:
    """Read a number exactly as JSON carries it, or refuse it."""
    text = cell.strip()
    if _WHOLE.fullmatch(text):
        try:
            return int(text)
        except ValueError:
            raise ValueError("has more digits than Python reads") from None
    if not _FRACTION.fullmatch(text):
        raise ValueError("is no number")
    number = float(text)
    if not isfinite(number) or Decimal(repr(number)) != Decimal(text):
        raise ValueError("has more digits than a number in JSON keeps")
    return number


def _boolean(cell: str) -> bool:
    try:
        return _BOOLEANS[cell.strip().casefold()]
    except KeyError:
        raise ValueError(f"is none of {', '.join(_BOOLEANS)}") from None


def _table(cell: str) -> list[Any]:
    try:
        rows = json.loads(cell)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise ValueError("is no JSON array of the loop's rows")  # noqa: TRY004 - a cell is always text
    return rows


_BOOLEANS = MappingProxyType({"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False})
_READERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {"number": _number, "currency": _number, "boolean": _boolean}
)
