"""The lifecycle of a render: queued, rendering, succeeded or failed, and the webhook event that reports it."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Final

import orjson

from craftkit_async.emulator.background.latency import Latency
from craftkit_async.emulator.documents import TINY_PDF, Document
from craftkit_async.emulator.environment import Environment
from craftkit_async.emulator.faults.grammar import Fault
from craftkit_async.emulator.pdf_workers import COMPILERS, PdfWorkers
from craftkit_async.emulator.storage.identifiers import new_id
from craftkit_async.emulator.storage.records import Delivery, Render, Version
from craftkit_async.emulator.storage.times import to_iso, to_iso_or_none
from craftkit_async.emulator.webhooks.outbox import Outbox, parse_drawn

_LOGGER = logging.getLogger("craftkit_async.emulator")
_QUEUED_SHARE: Final = 0.2  # share of a render's duration spent in the queue
_FAILED: Final = "Layout could not be rendered."


class Rendering:
    """Accepts submissions and completes each one."""

    def __init__(self, environment: Environment, outbox: Outbox, latency: Latency, seed: int) -> None:
        self._state, self._clock, self._schedule = environment.state, environment.clock, environment.schedule
        self._tasks, self._outbox = environment.tasks, outbox
        self._latency, self._random = latency, Random(seed)  # noqa: S311 - durations must be repeatable, not secret
        self._queue: asyncio.Queue[tuple[Render, PdfWorkers]] = asyncio.Queue()
        self._pdf_workers: PdfWorkers | None = None
        self.base_url = ""

    def open(self, pdf_workers: PdfWorkers | None) -> None:
        """Start the PDF workers and resume the renders that an earlier process left unfinished."""
        self._pdf_workers = pdf_workers
        if pdf_workers:
            for _ in range(COMPILERS):
                self._tasks.start(self._compile_queued())
        for render in self._state.renders:
            if render.completed is None:
                self._schedule.at(render.due, self._come_due, render)

    def submit(
        self, version: Version, data: Mapping[str, Any], *, project_id: str, watermark: bool, faults: Sequence[Fault],
        **extra: Any,
    ) -> Render:  # fmt: skip  # one line a field would hide that the fields belong together
        """Queue a render."""
        now = self._clock.now()
        duration = int(self._latency.draw(self._random) * 1000)
        render = Render(
            id=new_id(now),
            project_id=project_id,
            template_id=version.template_id,
            version_id=version.id,
            created=now,
            due=now + duration,
            watermark=watermark,
            faults=",".join(map(str, faults)),
            **extra,
        )
        self._state.renders.put(render)
        self._state.store.put("input", render.id, orjson.dumps(data))
        if not _is_early(render):
            self._schedule.at(now + int(duration * _QUEUED_SHARE), self._start, render)
        return render

    def plan_early(self, render: Render) -> Callable[[], Any] | None:
        """Return what to await before answering the submission, if the fault `early` sends the event first."""
        return (lambda: self._finish_early(render)) if _is_early(render) else None

    def read_pdf(self, render: Render) -> bytes:
        """Return the file of a succeeded render."""
        return self._state.store.read_file(render.id) or TINY_PDF

    def _start(self, render: Render) -> None:
        render.status = "rendering"  # not stored: after a restart the render starts again
        self._schedule.at(render.due, self._come_due, render)

    def _come_due(self, render: Render) -> None:
        error = self._find_failure(render)
        if self._pdf_workers and not error:
            self._queue.put_nowait((render, self._pdf_workers))
        else:
            self._complete_render(render, error)

    async def _compile_queued(self) -> None:
        while True:
            render, pdf_workers = await self._queue.get()
            self._complete_render(render, *await self._compile(render, pdf_workers))

    async def _compile(self, render: Render, pdf_workers: PdfWorkers) -> tuple[str | None, bytes | None]:
        """Compile a render's file; return an error message or the file."""
        version, template = self._state.versions[render.version_id], self._state.templates[render.template_id]
        document = Document(
            name=template.name,
            manifest=version.manifest,
            data=self._state.store.read("input", render.id),
            options={"page_config": version.page_config, "layout": version.layout},
            watermark=render.watermark,
            pipeline=version.pipeline,
        )
        try:
            return None, await pdf_workers.compile(document)
        except Exception:  # any compiler error fails this render only, never the emulator
            _LOGGER.exception("render %s: PDF compilation failed", render.id)
            return _FAILED, None

    async def _finish_early(self, render: Render) -> None:
        error, pdf = self._find_failure(render), None
        if self._pdf_workers and not error:
            error, pdf = await self._compile(render, self._pdf_workers)
        await self._outbox.send(self._complete_render(render, error, pdf, now=False))

    def _find_failure(self, render: Render) -> str | None:
        failed = (fault for fault in parse_drawn(render.faults) if fault.kind == "failed")
        return next((fault.argument or _FAILED for fault in failed), None)

    def _complete_render(
        self, render: Render, error: str | None, pdf: bytes | None = None, *, now: bool = True
    ) -> list[Delivery]:
        if self._state.renders.get(render.id) is not render:
            return []  # the emulator was reset meanwhile
        if pdf:
            self._state.store.put_file(render.id, pdf)
        render.status = "failed" if error else "succeeded"
        render.error, render.completed = error, max(render.created, self._clock.now())
        self._state.renders.put(render)
        event = f"render.{render.status}"
        if not self._outbox.is_wanted(render.project_id, event):
            return []
        body = write_event(event, render, self.base_url)
        return self._outbox.emit(render.project_id, body, render.id, parse_drawn(render.faults), now=now)

    def forget(self) -> None:
        """Drop the renders queued for a PDF worker."""
        with suppress(asyncio.QueueEmpty):
            while True:
                self._queue.get_nowait()


def _is_early(render: Render) -> bool:
    """Return whether the event precedes the answer to the submission, which then completes the render itself."""
    return "early" in render.faults.split(",")


def write_download_url(render: Render, base_url: str) -> str | None:
    """Return the permanent public URL of a succeeded render, otherwise None."""
    return f"{base_url}/craftkit-renders/{render.id}.pdf" if render.status == "succeeded" else None


def write_event(event: str, render: Render, base_url: str) -> dict[str, Any]:
    """Write the body of a render event."""
    return {
        "event": event,
        "renderId": render.id,
        "templateId": render.template_id,
        "status": render.status,
        "downloadUrl": write_download_url(render, base_url),
        "errorMessage": render.error,
        "createdAt": to_iso(render.created),
        "completedAt": to_iso_or_none(render.completed),
    }
