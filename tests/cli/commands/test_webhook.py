"""`webhook`: verify, sign, listen."""

import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from craftkit_async import Webhook, sign
from craftkit_async._sansio.webhooks.delivery import read_event
from craftkit_async._sansio.webhooks.signing import Secrets
from craftkit_async.cli.commands.webhook import first_secret, say_event
from tests.cli.conftest import HIDDEN, SECRET, Run

BODY = b'{"event":"render.succeeded","renderId":"r1","templateId":"t1","status":"succeeded","downloadUrl":"https://x/craftkit-renders/r1"}'


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """Put two secrets into the environment: the first signs, both verify."""
    monkeypatch.setenv("CRAFTKIT_WEBHOOK_SECRET", f"{SECRET} {SECRET}-before")
    return SECRET


def test_sign_and_verify(run: Run, secret: str, tmp_path: Path) -> None:
    """What one prints the other takes; neither prints a secret or an address."""
    body = tmp_path / "body.json"
    body.write_bytes(BODY)
    signature = run("webhook", "sign", "body.json").out.strip()
    verified = run("webhook", "verify", "body.json", "--signature", signature)
    as_json = run("webhook", "verify", "body.json", "-H", f"X-Craftkit-Signature: {signature}", "--json")
    forged = run("webhook", "verify", "body.json", "--signature", "0" * 64)

    assert signature == sign(BODY, secret)
    assert (verified.code, verified.out) == (0, "render.succeeded r1 succeeded\n")
    assert json.loads(as_json.out) == {"event": "render.succeeded", "renderId": "r1", "status": "succeeded"}
    assert (forged.code, forged.out) == (1, "")
    assert "no secret fits the signature" in forged.err


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["verify", "body.json", "-H", "nonsense"], 2, "--header takes 'NAME: VALUE'"),
        (["verify", "body.json"], 1, "x-craftkit-signature"),
        (["verify", "missing.json"], 2, "missing.json: No such file"),
        (["sign", "missing.json"], 2, "missing.json: No such file"),
        (["listen", "--path", "hooks"], 2, "--path starts with a slash"),
        (["listen", "--port", "70000"], 2, "Invalid value for '--port'"),
        (["listen", "--host", "host.invalid", "--port", "0"], 3, "cannot listen on host.invalid"),
    ],
)
def test_what_cannot_be(run: Run, words: list[str], code: int, said: str) -> None:
    """One sentence, and the code that says whose fault it is."""
    Path("body.json").write_bytes(BODY)
    ended = run("webhook", *words)

    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("words", [["sign", "body.json"], ["verify", "body.json"], ["listen"]])
def test_without_a_secret(run: Run, words: list[str]) -> None:
    """It is said where it belongs."""
    ended = run("webhook", *words)

    assert ended.code == 2
    assert "there is no secret: set CRAFTKIT_WEBHOOK_SECRET" in ended.err


@pytest.mark.usefixtures("secret")
def test_a_port_that_is_taken(run: Run) -> None:
    """In the system's words."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = run("webhook", "listen", "--port", str(server.getsockname()[1]))

    assert ended.code == 3
    assert "in use" in ended.err


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"event": "render.failed", "renderId": "r1", "status": "failed"}, "render.failed r1 failed"),
        (
            {"event": "signature.signed", "signatureRequestId": "s1", "renderId": "r1", "status": "viewed"},
            "signature.signed s1 viewed",
        ),
        (
            {
                "event": "form.submitted",
                "sessionId": "e1",
                "templateSlug": "note",
                "templateVersion": 3,
                "renderId": None,
                "data": {"name": "Ada Hidden"},
                "submittedAt": "2026-06-05T10:04:11.000Z",
            },
            "form.submitted e1 note",
        ),
        ({"event": "moon.full"}, "moon.full"),
    ],
)
def test_events_are_told_without_their_data(
    document: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What happened, to which thing."""
    say_event(_event(document), as_json=False)

    assert capsys.readouterr().out == f"{said}\n"


def _event(document: dict[str, Any]) -> Webhook:
    return read_event(json.dumps(document).encode(), {})


@pytest.mark.parametrize("secrets", ["one", b"one", ("one", "two")])
def test_the_first_secret_signs(secrets: Secrets) -> None:
    """The others are those that it replaces."""
    assert first_secret(secrets) in ("one", b"one")


@pytest.mark.parametrize("as_json", [False, True])
def test_listen_prints_a_line_for_each_delivery(
    as_json: bool,  # noqa: FBT001 - a table of cases
    secret: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A forged one is a line beside them; Ctrl-C ends it with the code of an interrupt."""

    async def deliver() -> None:
        address = f"http://127.0.0.1:{port}/hooks"
        async with aiohttp.ClientSession() as session:
            for key, status in ((secret, 200), ("another", 401)):
                async with session.post(address, data=BODY, headers={"x-craftkit-signature": sign(BODY, key)}) as reply:
                    assert reply.status == status
        os.kill(os.getpid(), signal.SIGINT)

    port = _free_port()
    monkeypatch.setattr("craftkit_async.cli.commands.webhook.say_aside", _telling(deliver))
    ended = run("webhook", "listen", "--port", str(port), "--path", "/hooks", *(["--json"] if as_json else []))

    told = '{"event": "render.succeeded", "renderId": "r1", "status": "succeeded"}'
    assert ended.code == 130
    assert ended.out.splitlines() == [told if as_json else "render.succeeded r1 succeeded"]
    assert not any(hidden in ended.err for hidden in HIDDEN)


def _telling(deliver: Any) -> Any:
    """As soon as the command says that it listens, send something."""
    tasks = []

    def say_aside(line: str) -> None:
        if line.startswith("listening on"):
            tasks.append(asyncio.get_running_loop().create_task(deliver()))
        else:
            assert "refused: no secret fits" in line

    return say_aside


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
