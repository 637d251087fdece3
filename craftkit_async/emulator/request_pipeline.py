"""Serve one request: apply faults and the rate limit, authenticate, call the handler, commit, log the request."""

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
from craftkit_async.emulator.faults.effects import choose_reset, replace_answer, reshape
from craftkit_async.emulator.faults.grammar import Fault, FaultSpecError
from craftkit_async.emulator.faults.older_pages import to_older
from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.http.contract import Operation
from craftkit_async.emulator.http.request_log import MAX_LOGGED, SeenRequest, log_request
from craftkit_async.emulator.http.transmission import read_body, reset, to_response, truncate
from craftkit_async.emulator.service import Service

Handler = Callable[[Service, Call], Answer | Awaitable[Answer]]

_LOGGER = logging.getLogger("craftkit_async.emulator")
_FLAT_ERRORS: Final = frozenset({"provision_org", "update_provisioned_org", "download_embed_render"})
_EXEMPT: Final = frozenset({"get_health", "get_liveness"})  # neither rate limited nor waiting for a commit
_FAULTS_HEADER: Final = "x-emulator-faults"


@frozen
class _Exchange:
    """One request in progress."""

    request: web.Request
    operation: Operation
    handler: Handler
    body: bytes
    draw: Callable[[str], tuple[Fault, ...]]


class RequestPipeline:
    """Serves every request: API operations, unknown paths, and the routes outside the contract."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._random = Random(service.settings.seed)  # noqa: S311 - latencies must be repeatable, not secret
        self.requests: deque[SeenRequest] = deque(maxlen=MAX_LOGGED)

    async def serve(self, request: web.Request, operation: Operation, handler: Handler) -> web.StreamResponse:
        """Serve a request for an operation."""
        self._service.address.record_host(request.host)
        seen = log_request(request, operation.id, b"", self._service.clock.now())
        self.requests.append(seen)
        try:
            seen.body = body = await read_body(request)
            draw = self._choose_draw(request.headers.get(_FAULTS_HEADER))
        except Refusal as refusal:
            seen.status = refusal.status
            return to_response(refusal.to_answer(flat=operation.id in _FLAT_ERRORS))
        return await self._exchange(_Exchange(request, operation, handler, body, draw), seen)

    async def serve_unknown(self, request: web.Request, allowed: list[str]) -> web.StreamResponse:
        """Serve a request that matches no operation, with the same error envelope."""
        seen = log_request(request, None, b"", self._service.clock.now())
        self.requests.append(seen)
        if allowed:
            answer = Refusal(405, "method_not_allowed", f"This path allows {', '.join(allowed)}.").to_answer()
            answer.headers["Allow"] = ", ".join(allowed)
        else:
            answer = Refusal(404, "not_found", "No route matches this path.").to_answer()
        seen.status = answer.status
        return to_response(answer)

    async def serve_outside_contract(
        self, request: web.Request, handler: Callable[[bytes], Answer]
    ) -> web.StreamResponse:
        """Serve a route outside the contract: no authentication and no faults, the same error envelope."""
        self._service.address.record_host(request.host)
        try:
            answer = handler(await read_body(request))
            await self._service.store.committed()
        except Refusal as refusal:
            answer = refusal.to_answer()
        return to_response(answer)

    async def _exchange(self, exchange: _Exchange, seen: SeenRequest) -> web.StreamResponse:
        faults = exchange.draw(exchange.operation.id)
        kinds = {fault.kind for fault in faults}
        seen.faults = ",".join(map(str, faults))
        await _sleep(sum(fault.seconds for fault in faults if fault.kind == "slow"))
        reset_fault = choose_reset(kinds, self._random)
        if reset_fault == "reset-before":
            return reset(exchange.request)
        answer = await self._answer(exchange, faults)
        if "www" in kinds:
            answer = to_older(exchange.operation.id, answer)
        answer = reshape(faults, answer, self._renders_url)
        await _sleep(self._service.settings.http_latency.draw(self._random))
        if reset_fault:
            return reset(exchange.request)
        seen.status = answer.status
        return await truncate(exchange.request, answer) if "truncate" in kinds else to_response(answer)

    async def _answer(self, exchange: _Exchange, faults: tuple[Fault, ...]) -> Answer:
        now = self._service.clock.now()
        replacement = replace_answer(faults, exchange.operation, exchange.request.path, now)
        if replacement := replacement or self._limit(exchange.operation, now):
            return replacement
        try:
            return await self._call_handler(exchange)
        except Refusal as refusal:
            return refusal.to_answer(flat=exchange.operation.id in _FLAT_ERRORS)
        except Exception:  # a defect here must still produce an error envelope; the log has the traceback
            _LOGGER.exception("%s failed", exchange.operation.id)
            return Refusal(500, exchange.operation.code(500, otherwise="internal"), "Something went wrong.").to_answer()

    async def _call_handler(self, exchange: _Exchange) -> Answer:
        request = exchange.request
        authorization = request.headers.get("Authorization")
        call = Call(
            operation=exchange.operation,
            path=request.match_info,
            arguments=request.query,
            headers=request.headers,
            body=exchange.body,
            source=request.remote or "",
            credential=self._service.authenticator.authenticate(exchange.operation, authorization),
            draw=exchange.draw,
        )
        answer = exchange.handler(self._service, call)
        if inspect.isawaitable(answer):
            answer = await answer
        if answer.first:
            await answer.first()
        if exchange.operation.id not in _EXEMPT:
            await self._service.store.committed()
        return answer

    def _limit(self, operation: Operation, now: int) -> Answer | None:
        bucket = self._service.bucket
        if bucket is None or operation.id in _EXEMPT or bucket.take(now / 1000):
            return None
        return Refusal(429, "rate_limited", "Too many requests.").to_answer()

    def _choose_draw(self, spec: str | None) -> Callable[[str], tuple[Fault, ...]]:
        """Return the function that draws faults: from the active rules and from the request's own header."""
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


async def _sleep(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)
