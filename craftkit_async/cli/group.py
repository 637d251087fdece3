"""The commands, each imported when it is asked for, and how whatever goes wrong becomes one line and an exit code."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from craftkit_async._version import __version__
from craftkit_async.cli.exit_codes import INTERRUPTED, NotStartedError, code_of, line_of
from craftkit_async.errors import CraftkitError

# Each is the function of this name in the module of this name.
_NAMES: Final = ("batch", "demo", "doctor", "download", "emulate", "render", "templates", "wait", "webhook")


class _Commands(click.Group):
    """Knows the commands by name: a web server, say, is imported only where one runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return list(_NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        if cmd_name not in _NAMES:
            return None
        try:
            command: click.Command = getattr(import_module(f"craftkit_async.cli.commands.{cmd_name}"), cmd_name)
        except ModuleNotFoundError as error:
            raise NotStartedError(f"{error.name} is missing: pip install 'craftkit-async[cli]'") from error
        return command


@click.group(cls=_Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="craftkit-async %(version)s")
def commands() -> None:
    """Craftkit, from the command line; keys and secrets come from the environment only."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit."""
    try:
        result = commands.main(args=arguments, prog_name="craftkit-async", standalone_mode=False)
    except (click.ClickException, CraftkitError) as error:
        click.echo(line_of(error), err=True)
        sys.exit(code_of(error))
    except click.Abort:
        sys.exit(INTERRUPTED)
    sys.exit(result if isinstance(result, int) else 0)
