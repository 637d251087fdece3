"""What decoding a reply costs: bytes to a `Render`, against a constructor written by hand that checks types too.

`python -m benchmarks.decode`; with `--speed` both use orjson.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

BODY = json.dumps(
    {
        "id": "01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11",
        "status": "succeeded",
        "pollUrl": "https://api.craftkit.dev/v1/renders/01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11",
        "downloadUrl": "https://cdn.craftkit.dev/craftkit-renders/01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11.pdf",
        "errorMessage": None,
        "createdAt": "2026-06-05T10:00:00.000Z",
        "completedAt": "2026-06-05T10:00:01.260Z",
        "durationMs": 1260,
    }
).encode()

_TARGET = 1.5


def by_hand(loads: Callable[[bytes], Any]) -> Callable[[], object]:
    """Return what a careful person writes for this one type."""
    from craftkit_async import Render, RenderStatus

    statuses = {status.value: status for status in RenderStatus}

    def text(value: object) -> str:
        if type(value) is not str:
            raise TypeError("text expected")
        return value

    def optional_text(value: object) -> str | None:
        return None if value is None else text(value)

    def moment(value: object) -> datetime | None:
        return None if value is None else datetime.fromisoformat(text(value))

    def number(value: object) -> float | None:
        if value is not None and type(value) not in {int, float}:
            raise TypeError("number expected")
        return value  # type: ignore[return-value]  # checked above

    def read() -> object:
        document = loads(BODY)
        status = text(document["status"])
        return Render(
            text(document["id"]),
            statuses.get(status, status),
            optional_text(document.get("downloadUrl")),
            optional_text(document.get("errorMessage")),
            moment(document.get("createdAt")),
            moment(document.get("completedAt")),
            number(document.get("durationMs")),
            optional_text(document.get("pollUrl")),
        )

    return read


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if not options.speed:
        # Hides the extra from this process, so that it measures the plain installation.
        sys.modules["orjson"] = None  # type: ignore[assignment]  # that is how an import is made to fail
    from benchmarks.interleaved import cpu_of_function
    from craftkit_async import Render
    from craftkit_async._sansio.calls.codec import build, read_json

    loads: Callable[[bytes], Any] = json.loads
    if options.speed:
        import orjson

        loads = orjson.loads

    def ours() -> object:
        return build(Render, read_json(BODY))

    hand = by_hand(loads)
    assert ours() == hand()
    calls, rounds = (10, 1) if options.quick else (5000, 15)
    figures = cpu_of_function({"ours": ours, "by hand": hand}, calls=calls, rounds=rounds)
    for name, figure in figures.items():
        print(f"{name:8} {figure:6.2f} us")
    ratio = figures["ours"] / figures["by hand"]
    print(f"target: ours / by hand <= {_TARGET}: {ratio:.2f} {'met' if ratio <= _TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
