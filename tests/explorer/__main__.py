"""`python -m tests.explorer --seeds N [--first SEED]` plays N histories and prints those that break a rule."""

import argparse
import logging
import sys

from tests.explorer.history import BrokenRuleError, play


def main() -> int:
    """Play histories; returns how many broke a rule."""
    parser = argparse.ArgumentParser(description="Play seeded histories, and print those that break a rule.")
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    logging.disable()
    broken = 0
    for seed in range(options.first, options.first + options.seeds):
        try:
            play(seed)
        except BrokenRuleError as error:
            broken += 1
            sys.stdout.write(f"{error}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{options.seeds} histories, {broken} broke a rule\n")
    return broken


if __name__ == "__main__":
    sys.exit(min(main(), 1))
