"""Distribute the width of a table among its columns."""

from collections.abc import Sequence


def share_width(wanted: Sequence[float], stretch: Sequence[bool], total: float) -> list[float]:
    """Give every column its preferred width; cut the widest if they exceed `total`, else stretch the marked ones."""
    wanted = [max(width, 1.0) for width in wanted]
    spare = total - sum(wanted)
    if spare < 0:
        return _cut_widest(wanted, total)
    marks = stretch if any(stretch) else [True] * len(wanted)
    stretched = sum(width for width, marked in zip(wanted, marks, strict=True) if marked)
    return [width + spare * width / stretched * marked for width, marked in zip(wanted, marks, strict=True)]


def _cut_widest(wanted: Sequence[float], total: float) -> list[float]:
    """Reduce the widest columns to one width so that all fit; narrower ones keep their preferred width."""
    widths = [0.0] * len(wanted)
    for left, index in zip(range(len(wanted), 0, -1), sorted(range(len(wanted)), key=wanted.__getitem__), strict=True):
        widths[index] = min(wanted[index], total / left)
        total -= widths[index]
    return widths
