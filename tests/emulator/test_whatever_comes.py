"""Requests that nobody thought of, made from the served document: no 500, no answer outside the schema."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from craftkit_async.emulator import EmulatorThread
from tests.support.contract_client import operations

TOOL = Path(sys.executable).with_name("schemathesis")
IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "full"
EXTENT = ("examples,coverage,fuzzing", "25") if IS_LONG else ("fuzzing", "2")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)

# A key for each kind of operation; those of a session's browser are refused, which is an answer as well.
KINDS = {"projectKey": "ck_test_local", "accountKey": "ck_acct_local", "adminKey": "local-admin"}


def _key_for(described: Mapping[str, Any]) -> str:
    wanted = {name for choice in described["security"] for name in choice}
    return next((kind for kind in ("accountKey", "adminKey") if kind in wanted), "projectKey")


@pytest.mark.skipif(not TOOL.exists(), reason="the tool is installed for development only")
@pytest.mark.parametrize("kind", KINDS if IS_LONG else ["projectKey"])
def test_no_500_and_no_answer_outside_the_schema(kind: str, tmp_path: Path) -> None:
    """A few requests to every operation, or with the full profile every edge of every parameter and many more."""
    named = [name for name, (_, _, described) in operations().items() if _key_for(described) == kind]
    with EmulatorThread(pdf=False, latency="0") as thread:
        url = thread.emulator.url
        words = ["run", f"{url}/openapi.yaml", "--url", url, "-H", f"Authorization: Bearer {KINDS[kind]}"]
        words += ["--checks", CHECKS, "--seed", "1", "--phases", EXTENT[0], "--max-examples", EXTENT[1]]
        words += ["--mode", "all", "--no-color", "--generation-database", "none"]
        words += [word for name in named for word in ("--include-operation-id", name)]
        ended = subprocess.run([str(TOOL), *words], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - a tool

    assert ended.returncode == 0, ended.stdout[-5000:]
