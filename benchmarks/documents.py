"""One-page documents per second, by template and threads: `python -m benchmarks.documents [COUNT | --quick]`."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from craftkit_async.emulator.documents import SLUGS, Document, Typesetter, read_template

COUNT = 400
QUICK = 2
THREADS = (1, 2)
LONG_TABLE = 300


def make_document(template: dict[str, Any], number: int) -> Document:
    """Make a document whose every value differs from every other's: the typesetter remembers what it has set."""
    options = {"page_config": template["pageConfig"], "layout": template.get("layout")}
    return Document(
        template["name"], template["manifest"], vary(template["sampleData"], number), options, watermark=True
    )


def vary(value: Any, number: int) -> Any:
    """Change each text and each amount inside a value; dates stay dates."""
    if isinstance(value, dict):
        return {key: vary(inner, number) for key, inner in value.items()}
    if isinstance(value, list):
        return [vary(inner, number) for inner in value]
    if isinstance(value, str):
        return value if is_date(value) else f"{value} {number}"
    return value if isinstance(value, bool) else value + number


def is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def measure(
    compile_document: Callable[[Document], bytes], documents: list[Document], threads: int
) -> tuple[float, float]:
    """Print them all; give the documents per second and the processor's milliseconds per document."""
    started, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        printed = list(pool.map(compile_document, documents))
    elapsed, used = time.perf_counter() - started, time.process_time() - used
    assert all(content.startswith(b"%PDF-") for content in printed)
    return len(documents) / elapsed, used / len(documents) * 1000


def main(count: int) -> None:
    typesetter = Typesetter()
    number = 0
    for slug in SLUGS:
        template = read_template(slug)
        typesetter.compile(make_document(template, -1))
        for threads in THREADS:
            documents = [make_document(template, number + place) for place in range(count)]
            number += count
            rate, cost = measure(typesetter.compile, documents, threads)
            print(f"{slug:20} {threads} thread(s)  {rate:6.0f} documents/s  {cost:5.1f} ms CPU each")
    template = read_template("invoice")
    template["sampleData"]["items"] *= LONG_TABLE // 4
    rate, cost = measure(typesetter.compile, [make_document(template, number)], 1)
    print(f"invoice, {LONG_TABLE} rows    1 thread     {rate:6.1f} documents/s  {cost:5.0f} ms CPU each")


if __name__ == "__main__":
    main(QUICK if "--quick" in sys.argv else int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
