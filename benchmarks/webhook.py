"""What a webhook costs: the check of its signature against one bare hash, and all of it against other SDKs.

`receive` is all that the inbox does with a delivery that nobody has seen before: verify, parse, remember, and complete
whoever waits. The others verify and parse.

`python -m benchmarks.webhook`; with `--speed` ours uses orjson; `--quick` only shows that it runs.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial

Call = Callable[[], object]

SECRET = "whsec-of-a-benchmark-0123456789ab"  # noqa: S105 - it is made up

EVENT = {
    "event": "render.succeeded",
    "renderId": "01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11",
    "templateId": "01948c00-19aa-7b01-8c77-2b6d90e1f405",
    "status": "succeeded",
    "downloadUrl": "https://cdn.craftkit.dev/craftkit-renders/01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11.pdf",
    "errorMessage": None,
    "createdAt": "2026-06-05T10:00:00.000Z",
    "completedAt": "2026-06-05T10:00:01.260Z",
}

BODY = json.dumps(EVENT, separators=(",", ":")).encode()

# (ours, the other, what ours may cost at most as a multiple of the other's, only with the extra)
_TARGETS = (
    ("verify", "bare sha256", 1.7, False),
    ("receive", "standardwebhooks", 1 / 1.5, True),
    ("receive", "stripe", 1 / 6, True),
)


# What a request has besides the headers of its service; everybody gets these, too.
_USUAL = {
    "host": "hooks.example.com",
    "user-agent": "Webhook/1.0",
    "content-type": "application/json",
    "content-length": str(len(BODY)),
    "accept": "*/*",
}


def _headers(signature: str) -> Mapping[str, str]:
    return {
        **_USUAL,
        "x-craftkit-event": "render.succeeded",
        "x-craftkit-signature": signature,
        "x-craftkit-timestamp": "1780653601",
        "x-craftkit-delivery-id": "0194a0b7-55c1-7f0e-9d44-6a7e31c08b92",
    }


def _ours() -> Mapping[str, Call]:
    from craftkit_async import WebhookVerifier
    from craftkit_async._sansio.webhooks.keyring import Keyring
    from craftkit_async._sansio.webhooks.signing import read_secrets, signature_of

    match = Keyring((None, secret) for secret in read_secrets(SECRET)).owners_of
    verifier = WebhookVerifier(SECRET)
    signature = signature_of(BODY, SECRET)
    headers = _headers(signature)
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert match(BODY, signature)
    return {
        "verify": partial(match, BODY, signature),
        "verify and parse": partial(verifier.verify, BODY, headers),
        "the same, headers as in ASGI": partial(verifier.verify, BODY, pairs),
    }


class _Inbox:
    """An inbox, and deliveries that it has not seen, each for a render that somebody has a handle of."""

    def __init__(self, deliveries: int) -> None:
        from craftkit_async import Craftkit
        from craftkit_async._sansio.webhooks.signing import signature_of
        from craftkit_async.testing import FakeTransport

        ids = [str(uuid.uuid4()) for _ in range(deliveries)]
        bodies = [json.dumps({**EVENT, "renderId": id}, separators=(",", ":")).encode() for id in ids]  # noqa: A001
        self._ids = ids
        self._deliveries = [(body, _headers(signature_of(body, SECRET))) for body in bodies]
        self._make = partial(Craftkit, "ck_test_x", webhook_secret=SECRET, transport=FakeTransport([]))
        self.refill()

    def refill(self) -> None:
        """Forget what was received."""
        client = self._make()
        self._receive = client.inbox.receive
        self._handles = [client.attach(id) for id in self._ids]  # noqa: A001

    def take_all(self) -> None:
        """Receive them one after the other; nothing in it waits, so that no loop is needed."""

        async def receive_all() -> None:
            for body, headers in self._deliveries:
                receipt = await self._receive(body, headers)
                assert receipt.status == 200

        with contextlib.suppress(StopIteration):
            receive_all().send(None)
        assert all(handle.source == "webhook" for handle in self._handles)


def _others() -> Mapping[str, Call]:
    """Return the SDKs that are installed, each with a delivery signed as its own service does."""
    found: dict[str, Call] = {}
    now = int(time.time())  # noqa: TID251 - they check the time against the clock
    text = BODY.decode()
    try:
        import standardwebhooks
    except ImportError:
        print("standardwebhooks is not installed: left out")
    else:
        key = base64.b64encode(SECRET.encode()).decode()
        webhook = standardwebhooks.Webhook(key)
        signed = hmac.digest(SECRET.encode(), f"msg_1.{now}.{text}".encode(), "sha256")
        headers = {
            **_USUAL,
            "webhook-id": "msg_1",
            "webhook-timestamp": str(now),
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
        # Verifying parses, too.
        found["standardwebhooks"] = partial(webhook.verify, BODY, headers)
    try:
        import stripe
    except ImportError:
        print("stripe is not installed: left out")
    else:
        body = json.dumps({"id": f"evt_{uuid.uuid4().hex}", "object": "event", "data": {"object": EVENT}})
        digest = hmac.digest(SECRET.encode(), f"{now}.{body}".encode(), "sha256").hex()
        header = f"t={now},v1={digest}"
        found["stripe"] = partial(stripe.Webhook.construct_event, body, header, SECRET)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if not options.speed:
        # Hides the extra from this process, so that it measures the plain installation.
        sys.modules["orjson"] = None  # type: ignore[assignment]  # that is how an import is made to fail
    # In hex as well, since that is what a signature is compared in.
    contenders: dict[str, Call] = {"bare sha256": lambda: hashlib.sha256(BODY).hexdigest()}
    contenders.update(_ours())
    contenders.update(_others())
    calls, rounds = (10, 1) if options.quick else (2000, 25)
    figures = asyncio.run(_measure(contenders, calls, rounds))
    print(f"one body of {len(BODY)} bytes, CPU microseconds (median of {rounds} interleaved rounds)")
    for name, figure in figures.items():
        print(f"  {name:23} {figure:7.2f}   {1e6 / figure:9,.0f} a second")
    _judge(figures, speed=options.speed)


async def _measure(contenders: dict[str, Call], calls: int, rounds: int) -> dict[str, float]:
    """Measure on a loop, since an inbox belongs to one."""
    from benchmarks.interleaved import cpu_of_function

    inbox = _Inbox(calls)
    return cpu_of_function(
        contenders, calls=calls, rounds=rounds, before_round=inbox.refill, in_one_go={"receive": inbox.take_all}
    )


def _judge(figures: Mapping[str, float], *, speed: bool) -> None:
    for ours, other, most, needs_speed in _TARGETS:
        if other in figures:
            ratio = figures[ours] / figures[other]
            verdict = "no target without --speed" if needs_speed and not speed else "met" if ratio <= most else "MISSED"
            print(f"target: {ours} / {other} <= {most:.3f}: {ratio:.3f} {verdict}")


if __name__ == "__main__":
    main()
