"""Naming: a file name out of a row key, safe on every system."""

import re
import unicodedata

# Most file systems take 255 bytes; the rest is for a number, the ending and the name of a partial file.
_NAME_BYTES = 180

# What separates folders or drives, what Windows or a shell takes for a wildcard, a redirect or a quote.
_UNSAFE = re.compile(r'[/\\:*?"<>|\s]+')

# Names that are devices on Windows, with any ending.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")})

_NAMELESS = "row"


def safe_name(row_key: str) -> str:
    """Make a file name without its ending: no folder, no control or hidden characters, bounded, never empty."""
    composed = unicodedata.normalize("NFC", row_key)
    # C is control, format, surrogate, private and unassigned: invisible, or not the same everywhere.
    visible = "".join(character for character in composed if unicodedata.category(character)[0] != "C")
    # A leading dot hides a file, a leading dash is an option, and Windows drops dots and blanks at the end.
    name = _shorten(_UNSAFE.sub("_", visible).strip("._- ")).rstrip("._- ") or _NAMELESS
    return f"_{name}" if name.partition(".")[0].casefold() in _DEVICES else name


def same_file(name: str) -> str:
    """Return what two names have in common that are one file where case or composition does not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def _shorten(name: str) -> str:
    """Cut at a whole character."""
    return name.encode()[:_NAME_BYTES].decode(errors="ignore")
