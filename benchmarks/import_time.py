"""What importing costs: `import craftkit_async` against importing its four dependencies, in fresh processes.

`python -m benchmarks.import_time`.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys

_CONTENDERS = {
    "ours": "import craftkit_async",
    "dependencies": "import aiohttp, attrs, cattrs, anyio",
    "nothing": "pass",
}

_TARGET = 1.15


# An installed package has its bytecode; one that runs from source for the first time has not.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _cpu_of(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=_ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    rounds = 1 if parser.parse_args().quick else 15
    seen: dict[str, list[float]] = {name: [] for name in _CONTENDERS}
    for code in _CONTENDERS.values():
        _cpu_of(code)
    for _ in range(rounds):
        for name, code in _CONTENDERS.items():
            seen[name].append(_cpu_of(code))
    figures = {name: statistics.median(times) for name, times in seen.items()}
    for name, figure in figures.items():
        print(f"{name:12} {figure * 1000:6.0f} ms CPU")
    ratio = (figures["ours"] - figures["nothing"]) / (figures["dependencies"] - figures["nothing"])
    print(f"target: ours / dependencies <= {_TARGET}: {ratio:.2f} {'met' if ratio <= _TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
