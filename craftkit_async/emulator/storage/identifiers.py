"""Ids, tokens and slugs, in the forms of the published examples."""

import os
import re
import unicodedata

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_LENGTH = 100  # a suffix still fits under the published limit of 120


def new_id(milliseconds: int) -> str:
    """Make a UUIDv7, which sorts by creation time."""
    random = int.from_bytes(os.urandom(10), "big")
    number = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | (random >> 68) << 64 | 2 << 62 | random & (1 << 62) - 1
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_token(prefix: str, size: int = 18) -> str:
    """Make a random secret with a prefix."""
    return f"{prefix}{os.urandom(size).hex()}"


def to_slug(name: str, fallback: str) -> str:
    """Derive a slug from a name; return the fallback if the name has no Latin letter or digit."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", ascii_name)[:_SLUG_LENGTH].strip("-") or fallback
