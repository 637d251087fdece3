"""Render a row of a CSV file each, keep a journal, and go on where it stopped: run it twice.

Without a key in CRAFTKIT_API_KEY, a local Craftkit answers: `pip install 'craftkit-async[emulator]'`.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

from craftkit_async import Craftkit
from craftkit_async.batch import read_csv

ROWS = """number,customer.name,issuedOn,total,items
2026-0001,Halden Marine,2026-06-01,420,"[{""description"": ""Survey"", ""quantity"": 1, ""unitPrice"": 420}]"
2026-0002,Orrin & Daughters,2026-06-02,360,"[{""description"": ""Skipper"", ""quantity"": 2, ""unitPrice"": 180}]"
2026-0003,Café Zürich,2026-06-03,100,"[{""description"": ""Menus"", ""quantity"": 40, ""unitPrice"": 2.5}]"
"""


async def main() -> str:
    """Render what is not rendered yet, and return the report as a page."""
    async with AsyncExitStack() as stack:
        craftkit = await stack.enter_async_context(await open_client(stack))
        template = await craftkit.templates.get("invoice")
        rows = read_csv("rows.csv", template="invoice", key="number", manifest=template.manifest)
        batch = craftkit.render_many(rows, journal="run.db", download_to="pdfs", retry_failed=True)
        async for outcome in await stack.enter_async_context(batch):
            print(outcome.path or outcome.error)

        report = batch.report
        print(f"{report.succeeded} of {report.rows} in {report.elapsed:.1f} s, by {report.by_source}")
        return report.to_html()


async def open_client(stack: AsyncExitStack) -> Craftkit:
    """Make a client of the service, or of a local one that remembers."""
    if os.environ.get("CRAFTKIT_API_KEY"):
        return Craftkit()
    from craftkit_async.emulator import Emulator  # noqa: PLC0415 - an extra that is not needed with a key

    emulator = await stack.enter_async_context(Emulator(db="emulator.db"))
    return Craftkit(emulator.api_key, base_url=emulator.url)


if __name__ == "__main__":
    Path("rows.csv").write_text(ROWS, encoding="utf-8")
    Path("report.html").write_text(asyncio.run(main()), encoding="utf-8")
