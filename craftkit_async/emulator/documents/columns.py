"""How wide a table's columns are."""

from collections.abc import Sequence


def share_width(wanted: Sequence[float], stretch: Sequence[bool], total: float) -> list[float]:
    """Give every column what it wants; when that is too much, cut the widest, when too little, stretch the marked."""
    wanted = [max(width, 1.0) for width in wanted]
    spare = total - sum(wanted)
    if spare < 0:
        return _cut_widest(wanted, total)
    marks = stretch if any(stretch) else [True] * len(wanted)
    stretched = sum(width for width, marked in zip(wanted, marks, strict=True) if marked)
    return [width + spare * width / stretched * marked for width, marked in zip(wanted, marks, strict=True)]


def _cut_widest(wanted: Sequence[float], total: float) -> list[float]:
    """Level the widest columns until all fit: narrow ones keep what they want."""
    given = [0.0] * len(wanted)
    for left, place in zip(range(len(wanted), 0, -1), sorted(range(len(wanted)), key=wanted.__getitem__), strict=True):
        given[place] = min(wanted[place], total / left)
        total -= given[place]
    return given
