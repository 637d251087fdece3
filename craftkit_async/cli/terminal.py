"""Terminal: print for people on a terminal, and line by line for programs in a pipe."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from craftkit_async.cli.exit_codes import printable

_STATES = {"ok": "green", "problem": "red", "skipped": "yellow"}


def say(line: str) -> None:
    """Print a line of the result."""
    click.echo(printable(line))


def say_aside(line: str) -> None:
    """Print a line to standard error, which a pipe does not pass on."""
    # Not through click, which would write past a display that is kept up to date.
    sys.stderr.write(f"{printable(line)}\n")


def is_terminal(stream: TextIO) -> bool:
    """Is this stream a terminal?"""
    return stream.isatty()


def say_json(document: Any, *, indent: int | None = 2) -> None:
    """Print what programs read; without an indent it is one line."""
    click.echo(json.dumps(document, indent=indent))


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table; in a pipe it is one line a row, with tabs between."""
    cells = [[printable("" if cell is None else str(cell)) for cell in row] for row in rows]
    if title:
        click.echo(f"\n{title}")
    if not is_terminal(sys.stdout):
        for row in cells:
            click.echo("\t".join(row).rstrip())
        return
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=any(head))
    for name in head:
        table.add_column(name, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, style=_STATES.get(cell, "")) for cell in row))
    Console(highlight=False).print(table)


def show_help_without_command(context: click.Context) -> None:
    """Show the help of a group that was given no command: that is a question and no mistake."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
