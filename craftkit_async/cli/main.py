"""`craftkit-async`: runs the commands, or says in a sentence what they need."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit."""
    try:
        from craftkit_async.cli.group import run  # noqa: PLC0415 - what it needs may be missing
    except ModuleNotFoundError as error:
        print(f"craftkit-async: {error.name} is missing: pip install 'craftkit-async[cli]'", file=sys.stderr)  # noqa: T201 - click, which would print it, is what is missing
        sys.exit(3)
    run(arguments)
