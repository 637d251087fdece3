"""The commands, and how whatever is wrong with their words becomes one line and exit code 2."""

import sys
from collections.abc import Sequence
from typing import Final

import click

from craftkit_async.cli.emulate import emulate

_WRONG_WORDS: Final = 2


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Craftkit, from the command line."""


commands.add_command(emulate)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit."""
    try:
        result = commands.main(args=arguments, prog_name="craftkit-async", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"craftkit-async: {' '.join(error.format_message().split())}", err=True)
        sys.exit(_WRONG_WORDS)
    except click.Abort:
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)
