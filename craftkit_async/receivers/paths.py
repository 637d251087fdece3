"""Paths: where a receiver takes deliveries in, and which project a path names."""

import re
from collections.abc import Callable
from typing import Final

from craftkit_async.client import Craftkit
from craftkit_async.errors import ConfigurationError

# Receivers use this; it is not for programs.
__all__: list[str] = []

# A body of 350 bytes is there with its head. A sender that takes longer than the service waits for the answer is none.
BODY_SECONDS: Final = 15.0

_SEGMENT: Final = "{project}"

Match = Callable[[str], tuple[str | None] | None]
"""From the path of a request to its project, or None for another path."""


def names_project(path: str | None) -> bool:
    """Does the path have a segment for the project?"""
    return path is not None and _SEGMENT in path


def check_receiver(craftkit: Craftkit, path: str | None) -> None:
    """Refuse to receive where nothing could be verified; a path that names a project may get its secret later."""
    if path is not None and (not path.startswith("/") or path.replace(_SEGMENT, "", 1).count("{")):
        raise ConfigurationError(
            f'path takes a path such as "/webhooks/craftkit" or "/webhooks/{_SEGMENT}", not {path!r}'
        )
    if not names_project(path):
        craftkit.inbox.check()


def matcher_of(path: str) -> Match:
    """Return the function that recognises a path."""
    if not names_project(path):
        return lambda given: (None,) if given == path else None
    before, _, after = path.partition(_SEGMENT)
    pattern = re.compile(f"{re.escape(before)}([^/]+){re.escape(after)}")

    def match(given: str) -> tuple[str | None] | None:
        found = pattern.fullmatch(given)
        return (found[1],) if found else None

    return match
