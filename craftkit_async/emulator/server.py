"""The aiohttp application: API operations, public pages, control routes, and JSON errors for unknown paths."""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from craftkit_async.emulator.http.answers import Answer
from craftkit_async.emulator.http.contract import Operation, load_contract
from craftkit_async.emulator.http.transmission import MAX_BODY
from craftkit_async.emulator.request_pipeline import Handler, RequestPipeline
from craftkit_async.emulator.routes import HANDLERS, control, public_pages
from craftkit_async.emulator.service import Service

_Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REST = "/{rest:.*}"


def make_application(service: Service, pipeline: RequestPipeline) -> web.Application:
    """Register a handler for every path."""
    application = web.Application(client_max_size=MAX_BODY)
    add = application.router.add_route
    for operation in _sort(load_contract().operations.values()):
        add(operation.method, operation.path, _serve_operation(pipeline, operation, HANDLERS[operation.id]))
    for path, page in public_pages.ROUTES.items():
        add("GET", path, _serve_page(service, pipeline, page))
    for method, path, function in control.ROUTES:
        add(method, path, _serve_control(service, pipeline, function))
    known = list(application.router.resources())
    add("*", _REST, _serve_unknown(pipeline, known))
    return application


def _sort(operations: Iterable[Operation]) -> list[Operation]:
    """Put fixed paths before those with parameters, so that they match first."""
    return sorted(operations, key=lambda operation: "{" in operation.path)


def _serve_operation(pipeline: RequestPipeline, operation: Operation, handler: Handler) -> _Serve:
    async def serve(request: web.Request) -> web.StreamResponse:
        return await pipeline.serve(request, operation, handler)

    return serve


def _serve_page(service: Service, pipeline: RequestPipeline, page: Callable[[Service, web.Request], Answer]) -> _Serve:
    async def serve(request: web.Request) -> web.StreamResponse:
        return await pipeline.serve_outside_contract(request, lambda _: page(service, request))

    return serve


def _serve_control(service: Service, pipeline: RequestPipeline, function: control.Control) -> _Serve:
    async def serve(request: web.Request) -> web.StreamResponse:
        return await pipeline.serve_outside_contract(
            request,
            lambda body: function(
                control.ControlRequest(service, pipeline, request.match_info, control.parse_body(body))
            ),
        )

    return serve


def _serve_unknown(pipeline: RequestPipeline, known: list[web.AbstractResource]) -> _Serve:
    async def serve(request: web.Request) -> web.StreamResponse:
        allowed: set[str] = set()
        for resource in known:
            allowed |= (await resource.resolve(request))[1]
        return await pipeline.serve_unknown(request, sorted(allowed))

    return serve
