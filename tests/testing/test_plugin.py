"""The pytest plugin, in a pytest of its own."""

import re
import sys
from pathlib import Path

import pytest

# Before pytest runs inside of pytest, which forgets what it imported: a module in C cannot be imported twice.
import craftkit_async.emulator  # noqa: F401

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"

USER_TESTS = """
import hashlib, hmac, json, os, threading, time, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import aiohttp
import pytest

BODY = json.dumps({"data": {"booking": {"code": "B"}}}).encode()


def submit(url, key):
    request = urllib.request.Request(
        f"{url}/v1/templates/charter-handover/render", BODY, {"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def test_a_synchronous_client(craftkit_emulator):
    render = submit(craftkit_emulator.url, craftkit_emulator.api_key)
    assert [each.id for each in craftkit_emulator.renders] == [render["id"]]
    assert craftkit_emulator.requests[0].operation == "render_template"
    assert craftkit_emulator.state["counts"]["render"] == 1


async def test_an_asynchronous_client(craftkit_env):
    key = {"Authorization": f"Bearer {os.environ['CRAFTKIT_API_KEY']}"}
    async with aiohttp.ClientSession(os.environ["CRAFTKIT_BASE_URL"], headers=key) as session:
        async with session.get("/v1/templates") as reply:
            assert reply.status == 200


@pytest.mark.craftkit_emulator(latency=3600, faults="render:failed")
def test_settings_and_time(craftkit_emulator):
    submit(craftkit_emulator.url, craftkit_emulator.api_key)
    craftkit_emulator.advance(3600)
    deadline = time.monotonic() + 10
    while craftkit_emulator.renders[0].status != "failed":
        assert time.monotonic() < deadline
    craftkit_emulator.faults.clear()
    assert str(craftkit_emulator.faults) == ""


def test_webhooks_reach_the_app(craftkit_emulator, craftkit_webhooks):
    got = threading.Event()

    class App(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            expected = hmac.new(craftkit_webhooks.secret.encode(), body, hashlib.sha256).hexdigest()
            assert self.headers["x-craftkit-signature"] == expected
            self.send_response(204)
            self.end_headers()
            got.set()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), App) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        craftkit_webhooks.send_to(f"http://127.0.0.1:{server.server_port}/", events=["render.succeeded"])
        submit(craftkit_emulator.url, craftkit_emulator.api_key)
        assert got.wait(10)
        server.shutdown()
        thread.join()
    assert craftkit_webhooks.deliveries[0].event == "render.succeeded"


def test_a_delivery_by_hand(craftkit_webhooks):
    body, headers = craftkit_webhooks.sign({"event": "render.failed", "renderId": "x"})
    expected = hmac.new(craftkit_webhooks.secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-craftkit-signature"] == expected
    assert headers["x-craftkit-event"] == "render.failed"


def test_a_setting_that_is_wrong_is_said_where_it_is_made(craftkit_emulator):
    from craftkit_async.emulator.thread import EmulatorThread
    port = int(craftkit_emulator.url.rpartition(":")[2])
    with pytest.raises(OSError), EmulatorThread(port=port):
        pass
    with EmulatorThread() as other, pytest.raises(ZeroDivisionError):
        other.call(lambda: 1 / 0)
"""


def _run(pytester: pytest.Pytester, tests: str) -> pytest.RunResult:
    pytester.makeconftest('pytest_plugins = ["craftkit_async.testing.plugin"]')
    pytester.makepyfile(tests)
    options = ["asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function"]
    # In this process another test may have imported the plugin, which pytest would then complain about.
    warnings = ["error", "ignore::pytest.PytestAssertRewriteWarning"]
    words = [*(f"-o{option}" for option in options), *(f"-W{warning}" for warning in warnings)]
    return pytester.runpytest_inprocess(*words)


def test_the_fixtures_work_for_every_kind_of_client(pytester: pytest.Pytester) -> None:
    """Synchronous, asyncio and threaded tests see the same local Craftkit."""
    _run(pytester, USER_TESTS).assert_outcomes(passed=6)


def test_the_example_of_the_docs_passes(pytester: pytest.Pytester) -> None:
    """The last block of the page on testing, which needs pytest to run it."""
    *_, block = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)

    _run(pytester, block).assert_outcomes(passed=2)


def test_a_missing_extra_is_said_where_it_is_needed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed deliveries need no extra, the fixtures do."""
    monkeypatch.setitem(sys.modules, "craftkit_async.emulator", None)
    result = _run(pytester, "def test_it(craftkit_emulator): pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*MissingExtraError: * is missing: pip install 'craftkit-async?emulator?'"])
