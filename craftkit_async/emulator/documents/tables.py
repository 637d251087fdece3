"""A loop as tables: sizes, column widths and cells ready to be set."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from craftkit_async.emulator.documents.columns import share_width
from craftkit_async.emulator.documents.text import measure, typeset

# More columns than this on one page cannot be read: the rest go into a second table below.
COLUMNS = 14
# With more columns, smaller letters and less space between them: (most columns, letter size, inset), in points.
SIZES = ((6, 9.0, 6.0), (9, 8.0, 4.5), (COLUMNS, 7.0, 3.0))
# Widths are estimated from the first rows: those that come later wrap if they must.
SAMPLED = 300
WIDEST = 60.0  # ems; a column gains nothing from being wider, its text wraps anyway
PICTURE = 8.0  # ems
# A row with less text than this stays on one page.
KEPT_TOGETHER = 600


@attrs.frozen
class Cell:
    """One cell of a table: its text, and the picture or the link that goes with it."""

    text: str
    picture: str | None = None
    link: str | None = None

    def measure(self) -> float:
        """Estimate the width it would like, in ems."""
        return PICTURE if self.picture else min(measure(self.text[:200]), WIDEST)

    def describe(self, width: float) -> Any:
        """Describe it for a column that is `width` ems wide."""
        if self.picture:
            return {"image": self.picture}
        text = typeset(self.text, width)
        return {"text": text, "link": self.link} if self.link else text


def lay_out_table(
    heading: Any, header: Sequence[Cell], rows: Sequence[Sequence[Cell]], numeric: Sequence[bool], total: float
) -> list[dict[str, Any]]:
    """Describe a loop as one table, or as several below one another when it has very many columns."""
    tables = []
    for first in range(0, len(header), COLUMNS):
        part = slice(first, first + COLUMNS)
        table = _lay_out(header[part], [row[part] for row in rows], numeric[part], total)
        tables.append({"heading": None if first else heading, **table})
    return tables or [{"heading": heading, "widths": []}]


def _lay_out(
    header: Sequence[Cell], rows: Sequence[Sequence[Cell]], numeric: Sequence[bool], total: float
) -> dict[str, Any]:
    size, inset = next((size, inset) for most, size, inset in SIZES if len(header) <= most)
    wanted = [width * size + 2 * inset for width in _measure(header, rows)]
    widths = share_width(wanted, [not number for number in numeric], total)
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


def _measure(header: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> Iterator[float]:
    for index, cell in enumerate(header):
        bold = 1.08 * cell.measure()
        yield max([bold, *(row[index].measure() for row in rows[:SAMPLED])])
