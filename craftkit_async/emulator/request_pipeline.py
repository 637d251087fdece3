"""From a request to its reply: faults, rate, credential, handler, durability, and the record of it all."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from aiohttp import web
from attrs import frozen

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.faults.effects import answer_instead, choose_reset, reshape
from craftkit_async.emulator.faults.grammar import Fault, FaultSpecError
from craftkit_async.emulator.faults.older_pages import age
from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.http.contract import Operation
from craftkit_async.emulator.http.request_log import KEPT, SeenRequest, see
from craftkit_async.emulator.http.transmission import read_body, reset, to_response, truncate
from craftkit_async.emulator.service import Service

Handler = Callable[[Service, Call], Answer | Awaitable[Answer]]

_LOGGER = logging.getLogger("craftkit_async.emulator")
_FLAT: Final = frozenset({"provision_org", "update_provisioned_org", "download_embed_render"})
_ALWAYS: Final = frozenset({"get_health", "get_liveness"})  # answered whatever the rate and the disk
_FAULTS_HEADER: Final = "x-emulator-faults"


@frozen
class _Exchange:
    """One request being answered."""

    request: web.Request
    operation: Operation
    handler: Handler
    body: bytes
    draw: Callable[[str], tuple[Fault, ...]]


class RequestPipeline:
    """Answers every request of the API."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._dice = Random(service.settings.seed)  # noqa: S311 - latencies must be repeatable, not secret
        self.requests: deque[SeenRequest] = deque(maxlen=KEPT)

    async def serve(self, request: web.Request, operation: Operation, handler: Handler) -> web.StreamResponse:
        """Answer a request for an operation."""
        self._service.address.hear(request.host)
        seen = see(request, operation.id, b"", self._service.clock.now())
        self.requests.append(seen)
        try:
            seen.body = body = await read_body(request)
            draw = self._choose_draw(request.headers.get(_FAULTS_HEADER))
        except Refusal as refusal:
            seen.status = refusal.status
            return to_response(refusal.to_answer(flat=operation.id in _FLAT))
        return await self._exchange(_Exchange(request, operation, handler, body, draw), seen)

    async def serve_unknown(self, request: web.Request, allowed: list[str]) -> web.StreamResponse:
        """Answer what no operation matches, in the same form as all errors."""
        seen = see(request, None, b"", self._service.clock.now())
        self.requests.append(seen)
        if allowed:
            answer = Refusal(405, "method_not_allowed", f"This path takes {', '.join(allowed)}.").to_answer()
            answer.headers["Allow"] = ", ".join(allowed)
        else:
            answer = Refusal(404, "not_found", "Nothing here under that path.").to_answer()
        seen.status = answer.status
        return to_response(answer)

    async def serve_plainly(self, request: web.Request, work: Callable[[bytes], Answer]) -> web.StreamResponse:
        """Answer what is no operation of the contract: no credential, no faults, the same forms."""
        self._service.address.hear(request.host)
        try:
            answer = work(await read_body(request))
            await self._service.store.committed()
        except Refusal as refusal:
            answer = refusal.to_answer()
        return to_response(answer)

    async def _exchange(self, exchange: _Exchange, seen: SeenRequest) -> web.StreamResponse:
        faults = exchange.draw(exchange.operation.id)
        kinds = {fault.kind for fault in faults}
        seen.faults = ",".join(map(str, faults))
        await _pause(sum(fault.seconds for fault in faults if fault.kind == "slow"))
        breaking = choose_reset(kinds, self._dice)
        if breaking == "reset-before":
            return reset(exchange.request)
        answer = await self._answer(exchange, faults)
        answer = reshape(faults, age(exchange.operation.id, answer) if "www" in kinds else answer, self._renders_url)
        await _pause(self._service.settings.http_latency.draw(self._dice))
        if breaking:
            return reset(exchange.request)
        seen.status = answer.status
        return await truncate(exchange.request, answer) if "truncate" in kinds else to_response(answer)

    async def _answer(self, exchange: _Exchange, faults: tuple[Fault, ...]) -> Answer:
        now = self._service.clock.now()
        instead = answer_instead(faults, exchange.operation, exchange.request.path, now)
        if instead := instead or self._limit(exchange.operation, now):
            return instead
        try:
            return await self._work(exchange)
        except Refusal as refusal:
            return refusal.to_answer(flat=exchange.operation.id in _FLAT)
        except Exception:  # the last resort: an answer by the contract, and the reason in the log
            _LOGGER.exception("%s failed", exchange.operation.id)
            return Refusal(500, exchange.operation.code(500, otherwise="internal"), "Something went wrong.").to_answer()

    async def _work(self, exchange: _Exchange) -> Answer:
        request = exchange.request
        call = Call(
            operation=exchange.operation,
            path=request.match_info,
            arguments=request.query,
            headers=request.headers,
            body=exchange.body,
            source=request.remote or "",
            credential=self._service.gate.admit(exchange.operation, request.headers.get("Authorization")),
            draw=exchange.draw,
        )
        answer = exchange.handler(self._service, call)
        if inspect.isawaitable(answer):
            answer = await answer
        if answer.first:
            await answer.first()
        if exchange.operation.id not in _ALWAYS:
            await self._service.store.committed()
        return answer

    def _limit(self, operation: Operation, now: int) -> Answer | None:
        bucket = self._service.bucket
        if bucket is None or operation.id in _ALWAYS or bucket.take(now / 1000):
            return None
        return Refusal(429, "rate_limited", "Too many requests.").to_answer()

    def _choose_draw(self, spec: str | None) -> Callable[[str], tuple[Fault, ...]]:
        """Draw from the faults in force, and from those that the request asks for itself."""
        faults = self._service.faults
        if spec is None:
            return faults.draw
        try:
            own = faults.read_one_off(spec)
        except FaultSpecError as error:
            message = f"{_FAULTS_HEADER}: {error}".encode("utf-8", "backslashreplace").decode()
            raise Refusal(400, "invalid_request", message) from None
        return lambda target: own.draw(target) + faults.draw(target)

    @property
    def _renders_url(self) -> str:
        return self._service.renders_url


async def _pause(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)
