"""The test vectors of the webhooks page: openssl, the standard library and this package agree on them."""

import hashlib
import hmac
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from craftkit_async import MalformedDeliveryError, WebhookVerifier, sign

PAGE = (Path(__file__).parents[1] / "docs" / "webhooks.md").read_text("utf-8")


class Vector(NamedTuple):
    command: str
    body: bytes
    secret: str
    printed: str

    @property
    def signature(self) -> str:
        return self.printed.partition(" ")[0]


def read_vector(command: str, printed: str) -> Vector:
    words = shlex.split(command)
    assert words[:2] == ["printf", "%s"]
    return Vector(command, words[2].encode(), words[words.index("-hmac") + 1], printed)


VECTORS = [
    read_vector(command, printed)
    for command, printed in re.findall(r"^```sh\n(printf .*)\n# (.*)\n```$", PAGE, re.MULTILINE)
]


def test_there_are_vectors() -> None:
    """A change of the page's form does not silently end their tests."""
    assert len(VECTORS) == PAGE.count("openssl dgst") == 4


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.secret[:9])
def test_vector_is_right(vector: Vector) -> None:
    """The signature is what this package makes, and what an independent HMAC does."""
    expected = hmac.new(vector.secret.encode(), vector.body, hashlib.sha256).hexdigest()

    assert vector.signature == sign(vector.body, vector.secret) == expected


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.secret[:9])
def test_vector_verifies(vector: Vector) -> None:
    """Its event is read, and an empty body is genuine and no event."""
    verifier = WebhookVerifier(vector.secret)
    headers = {"x-craftkit-signature": vector.signature}
    if not vector.body:
        with pytest.raises(MalformedDeliveryError, match="genuine and not JSON"):
            verifier.verify(vector.body, headers)
        return

    assert verifier.verify(vector.body, headers).event.encode() in vector.body


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.secret[:9])
def test_openssl_prints_the_signature(vector: Vector) -> None:
    """The command of the page, run as it stands by a shell."""
    done = subprocess.run(["sh", "-c", vector.command], capture_output=True, check=True)  # noqa: S603, S607 - the page's own command, by the shell of its reader

    assert done.stdout.decode().strip() == vector.printed
