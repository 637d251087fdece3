"""Exit codes: the code and the line on standard error with which a command exits."""

from typing import Final

import click

from craftkit_async.errors import (
    ConfigurationError,
    CraftkitError,
    InvalidDataError,
    MissingExtraError,
    TransportError,
)

GOOD: Final = 0
FAILED: Final = 1
"""A render failed, or the service refused."""
USAGE: Final = 2
"""Wrong words, a missing file, bad JSON, a missing key."""
NOT_STARTED: Final = 3
"""No connection, a taken port, a missing extra."""
INTERRUPTED: Final = 130
"""Ctrl-C, in a shell's own counting: 128 and the number of the signal."""

# The first that fits; whatever else the service or a document has to say is a failure.
_CODES: Final[tuple[tuple[type[CraftkitError], int], ...]] = (
    (MissingExtraError, NOT_STARTED),
    (ConfigurationError, USAGE),
    (InvalidDataError, USAGE),
    (TransportError, NOT_STARTED),
    (CraftkitError, FAILED),
)


class NotStartedError(click.ClickException):
    """Nothing was done, and not for what was typed."""


def code_of(error: click.ClickException | CraftkitError) -> int:
    """Choose the exit code; commands raise a plain ClickException only where they could not start."""
    if isinstance(error, click.ClickException):
        return USAGE if isinstance(error, click.UsageError) else NOT_STARTED
    return next(code for kind, code in _CODES if isinstance(error, kind))


def line_of(error: click.ClickException | CraftkitError) -> str:
    """Write an error as one line."""
    said = error.format_message() if isinstance(error, click.ClickException) else str(error)
    return f"craftkit-async: {printable(said)}"


def printable(text: str) -> str:
    """Make one line of a text from elsewhere, without the characters that give orders to a terminal."""
    return "".join(character if character.isprintable() else "�" for character in " ".join(text.split()))
