"""The group of commands, and how every failure becomes one line and an exit code."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

import click

from craftkit_async._version import __version__
from craftkit_async.cli import commands
from craftkit_async.cli.exit_codes import INTERRUPTED, NotStartedError, code_of, line_of
from craftkit_async.cli.terminal import show_help_without_command
from craftkit_async.errors import CraftkitError


class _Commands(click.Group):
    """Finds each command in the module of its name, and imports only the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return sorted(module.name for module in iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            command: click.Command = getattr(import_module(f"{commands.__name__}.{cmd_name}"), cmd_name)
        except ModuleNotFoundError as error:
            raise NotStartedError(f"{error.name} is missing: pip install 'craftkit-async[cli]'") from error
        return command


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="craftkit-async %(version)s")
@click.pass_context
def craftkit_async(context: click.Context) -> None:
    """Render PDF documents with Craftkit.

    Keys and secrets come from the environment only.
    """
    show_help_without_command(context)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit."""
    try:
        result = craftkit_async.main(args=arguments, prog_name="craftkit-async", standalone_mode=False)
    except (click.ClickException, CraftkitError) as error:
        click.echo(line_of(error), err=True)
        sys.exit(code_of(error))
    except click.Abort:
        sys.exit(INTERRUPTED)
    sys.exit(result if isinstance(result, int) else 0)
