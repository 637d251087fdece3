"""What goes in and comes out: JSON from a file or a pipe, a document to a file or a pipe."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from craftkit_async.cli.terminal import is_terminal
from craftkit_async.client import Craftkit
from craftkit_async.models.renders import Render

PIPE = "-"


def read_bytes(name: str) -> bytes:
    """Read a file, or standard input."""
    if name == PIPE:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror}") from error


def read_json(name: str) -> Any:
    """Read JSON, or say where it stops being JSON; its content is never shown."""
    try:
        return json.loads(read_bytes(name), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise click.UsageError(f"{_called(name)} is not JSON: {error.msg} at {position}") from error
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{_called(name)} is not JSON") from error


def check_output(name: str) -> str:
    """Refuse, before any request, a target that no document can be written to."""
    if name == PIPE:
        if is_terminal(sys.stdout):
            raise click.UsageError("a PDF is nothing for a terminal: name a file, or send it on with a pipe")
        return name
    target = Path(name)
    if not target.name or target.is_dir():
        raise click.UsageError(f"--output takes the name of a file, and {name} is a directory")
    if not target.parent.is_dir():
        raise click.UsageError(f"the directory {target.parent} does not exist; make it first")
    return name


async def save(craftkit: Craftkit, what: str | Render, output: str) -> None:
    """Save a document whole or not at all; a pipe gets it when it is complete."""
    if output == PIPE:
        sys.stdout.buffer.write(await craftkit.renders.read(what))
    else:
        await craftkit.renders.download(what, output)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _called(name: str) -> str:
    return "standard input" if name == PIPE else name
