"""Page sizes, orientation and margins from a template's `pageConfig`, in points."""

import re
from collections.abc import Mapping
from typing import Any

import attrs

MILLIMETRE = 72 / 25.4
UNITS = {"mm": MILLIMETRE, "cm": 10 * MILLIMETRE, "in": 72.0, "pt": 1.0, "px": 0.75, "": 0.75}
FORMATS = {
    "a3": (297 * MILLIMETRE, 420 * MILLIMETRE),
    "a4": (210 * MILLIMETRE, 297 * MILLIMETRE),
    "a5": (148 * MILLIMETRE, 210 * MILLIMETRE),
    "a6": (105 * MILLIMETRE, 148 * MILLIMETRE),
    "letter": (612.0, 792.0),
    "legal": (612.0, 1008.0),
    "tabloid": (792.0, 1224.0),
}
DEFAULT_MARGIN = 20 * MILLIMETRE
# The page number is in the bottom margin and must stay on the paper.
MIN_BOTTOM = 12 * MILLIMETRE
# Margins that leave no space for a word would hang the compiler.
MAX_MARGIN_SHARE = 0.4

_LENGTH = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*(mm|cm|in|pt|px|)\s*", re.IGNORECASE)


@attrs.frozen
class Paper:
    """One page's outer size and margins, in points."""

    width: float
    height: float
    top: float
    right: float
    bottom: float
    left: float

    @property
    def flow(self) -> float:
        """The width between the margins."""
        return self.width - self.left - self.right


def choose_paper(config: Any) -> Paper:
    """Read a page configuration; absent or invalid members default to A4 portrait with 20 mm margins."""
    config = config if isinstance(config, Mapping) else {}
    width, height = FORMATS.get(str(config.get("format", "a4")).strip().lower(), FORMATS["a4"])
    if str(config.get("orientation", "")).strip().lower() == "landscape":
        width, height = height, width
    top, right, bottom, left = _read_margins(config.get("margin"))
    return Paper(
        width,
        height,
        top=min(top, height * MAX_MARGIN_SHARE),
        right=min(right, width * MAX_MARGIN_SHARE),
        bottom=min(max(bottom, MIN_BOTTOM), height * MAX_MARGIN_SHARE),
        left=min(left, width * MAX_MARGIN_SHARE),
    )


def _read_margins(margin: Any) -> tuple[float, float, float, float]:
    """Parse margins as CSS does, one to four lengths, or a mapping with the four sides."""
    if isinstance(margin, Mapping):
        top, right, bottom, left = (_read_length(margin.get(side)) for side in ("top", "right", "bottom", "left"))
        return top, right, bottom, left
    lengths = [_read_length(part) for part in str(margin).split()[:4]] or [DEFAULT_MARGIN]
    top = lengths[0]
    right = lengths[1] if len(lengths) > 1 else top
    bottom = lengths[2] if len(lengths) > 2 else top  # noqa: PLR2004 - the third of CSS's four
    return top, right, bottom, lengths[3] if len(lengths) > 3 else right  # noqa: PLR2004 - the fourth


def _read_length(length: Any) -> float:
    found = _LENGTH.fullmatch(str(length))
    return float(found[1]) * UNITS[found[2].lower()] if found else DEFAULT_MARGIN
