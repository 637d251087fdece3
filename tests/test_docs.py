"""The code blocks of the README and of the documentation run, against a server on the loopback."""

import ast
import asyncio
import inspect
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from craftkit_async import Craftkit

ROOT = Path(__file__).parents[1]

# What blocks may import that is not there without an extra.
_EXTRAS = {"fastapi"}

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[None]:
    """A stand-in for the service, found through the environment, and a folder to write into."""
    app = web.Application()
    app.router.add_post("/v1/templates/{slug}/render", _answer_render)
    app.router.add_get("/v1/templates/{slug}", _answer_template)
    app.router.add_get("/v1/renders/{id}", _answer_look)
    app.router.add_get("/v1/renders/{id}/download", _answer_download)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setenv("CRAFTKIT_BASE_URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("CRAFTKIT_API_KEY", "ck_test_docs")
    monkeypatch.setenv("CRAFTKIT_WEBHOOK_SECRET", "first-test-secret")
    monkeypatch.chdir(tmp_path)
    yield
    await runner.cleanup()


async def _answer_render(request: web.Request) -> web.Response:
    body = await request.json()
    if body["data"].get("number") == 42:
        issues = {"formErrors": [], "fieldErrors": {"number": ["Expected text"]}}
        return web.json_response({"error": {"code": "invalid_input_data", "issues": issues}}, status=400)
    return web.json_response({"id": "r1", "status": "queued"}, status=202)


async def _answer_template(request: web.Request) -> web.Response:
    times = dict.fromkeys(("createdAt", "updatedAt"), "2026-06-01T00:00:00Z")
    slug = request.match_info["slug"]
    return web.json_response({"id": "t1", "name": slug, "slug": slug, "published": False, **times})


async def _answer_look(_: web.Request) -> web.Response:
    return web.json_response({"id": "r1", "status": "succeeded"})


async def _answer_download(_: web.Request) -> web.Response:
    return web.Response(body=b"%PDF-1.7\n%%EOF\n", content_type="application/pdf")


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_code_blocks_run(page: Path) -> None:
    """Every Python block runs as it stands, one after the other, in the namespace of its page."""
    document = Sybil([CodeBlockParser("python", lambda _: None)]).parse(page)
    namespace: dict[str, Any] = {}
    try:
        for example in document.examples():
            await _run(example, document, namespace)
            await _run_tests(namespace)
    finally:
        for value in namespace.values():
            if isinstance(value, Craftkit):
                await value.aclose()


async def _run(example: Example, document: Document, namespace: dict[str, Any]) -> None:
    if not _has_what_it_imports(example.parsed):
        return
    # As many empty lines before the block as the page has, so that a traceback names the page's own line.
    source = "\n" * example.line + example.parsed
    code = compile(source, document.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = eval(code, namespace)  # noqa: S307 - it is our own documentation
    if inspect.iscoroutine(result):
        await asyncio.wait_for(result, 30)  # noqa: TID251 - a block that hangs must end


async def _run_tests(namespace: dict[str, Any]) -> None:
    """Run the tests that a block defines, each once; those with fixtures are run by pytest in tests/testing."""
    for name in [name for name in namespace if name.startswith("test_")]:
        test = namespace.pop(name)
        if inspect.signature(test).parameters:
            continue
        if inspect.iscoroutinefunction(test):
            await test()
        else:
            # A test that runs a loop of its own needs a thread without one.
            await asyncio.to_thread(test)


def _has_what_it_imports(source: str) -> bool:
    """Is the extra there that a block is about? The tests run with all of them as well."""
    imports = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    return all(find_spec(extra) for extra in _EXTRAS & imports)


def test_there_are_blocks() -> None:
    """The README has blocks, so that a change of its form does not silently end their test."""
    document = Sybil([CodeBlockParser("python", lambda _: None)]).parse(ROOT / "README.md")

    assert len(list(document.examples())) >= 4
