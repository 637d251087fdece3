"""Lay out a loop as tables: font sizes, column widths and cells."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from craftkit_async.emulator.documents.columns import share_width
from craftkit_async.emulator.documents.text import measure, typeset

# More columns than this are unreadable on one page: the others go into a second table below.
MAX_COLUMNS = 14
# The more columns, the smaller the font and the inset: (maximum columns, font size, inset), in points.
SIZES = ((6, 9.0, 6.0), (9, 8.0, 4.5), (MAX_COLUMNS, 7.0, 3.0))
# Column widths are estimated from this many rows; text in later rows wraps if necessary.
SAMPLED = 300
MAX_WIDTH = 60.0  # ems; text in wider columns would wrap anyway
IMAGE_WIDTH = 8.0  # ems
# A row whose cells are all at most this long is not broken across pages.
KEPT_TOGETHER = 600


@attrs.frozen
class Cell:
    """One cell of a table: its text, with an optional image or link."""

    text: str
    picture: str | None = None
    link: str | None = None

    def measure(self) -> float:
        """Estimate the preferred width, in ems."""
        return IMAGE_WIDTH if self.picture else min(measure(self.text[:200]), MAX_WIDTH)

    def describe(self, width: float) -> Any:
        """Return the cell's layout for a column that is `width` ems wide."""
        if self.picture:
            return {"image": self.picture}
        text = typeset(self.text, width)
        return {"text": text, "link": self.link} if self.link else text


def lay_out_table(
    heading: Any, header: Sequence[Cell], rows: Sequence[Sequence[Cell]], numeric: Sequence[bool], total: float
) -> list[dict[str, Any]]:
    """Lay out a loop as one table, or as several below one another if it has more than `MAX_COLUMNS` columns."""
    tables = []
    for first in range(0, len(header), MAX_COLUMNS):
        part = slice(first, first + MAX_COLUMNS)
        table = _lay_out_columns(header[part], [row[part] for row in rows], numeric[part], total)
        tables.append({"heading": None if first else heading, **table})
    return tables or [{"heading": heading, "widths": []}]


def _lay_out_columns(
    header: Sequence[Cell], rows: Sequence[Sequence[Cell]], numeric: Sequence[bool], total: float
) -> dict[str, Any]:
    size, inset = next((size, inset) for most, size, inset in SIZES if len(header) <= most)
    preferred = [width * size + 2 * inset for width in _measure_columns(header, rows)]
    widths = share_width(preferred, [not number for number in numeric], total)
    ems = [max(width - 2 * inset, 1.0) / size for width in widths]
    return {
        "size": size,
        "inset": inset,
        "widths": widths,
        "numeric": list(numeric),
        "header": [cell.describe(width) for cell, width in zip(header, ems, strict=True)],
        "rows": [[cell.describe(width) for cell, width in zip(row, ems, strict=True)] for row in rows],
        "breakable": any(len(cell.text) > KEPT_TOGETHER for row in rows for cell in row),
    }


def _measure_columns(header: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> Iterator[float]:
    for index, cell in enumerate(header):
        bold = 1.08 * cell.measure()
        yield max([bold, *(row[index].measure() for row in rows[:SAMPLED])])
