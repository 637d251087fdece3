"""Bodies, paths and headers that nobody honest sends: a status by the contract, never a 500."""

from io import BytesIO
from typing import Any

import pytest

from tests.support.contract_client import ContractClient, operations

NO_FILE = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--'
DEEP = b"[" * 100_000 + b"]" * 100_000
TAKES_JSON = [
    name
    for name, (_, _, described) in operations().items()
    if "application/json" in described.get("requestBody", {}).get("content", {})
]
HOSTILE = {
    "deep": DEEP,
    "deep objects": b'{"data":' * 150 + b"1" + b"}" * 150,
    "too deep by one parser, not another": b'{"data":' * 900 + b"1" + b"}" * 900,
    "bad UTF-8": b'{"data": "\xff\xfe"}',
    "a lone surrogate": b'{"data": {"a": "\\ud800"}, "name": "\\udfff"}',
    "not a number": b'{"data": {"a": NaN}}',
    "a huge number": b'{"data": {"a": 1e999}, "renderId": 1' + b"0" * 5000 + b"}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "5 MB of text": b'{"data": {"a": "' + b"x" * 5 * 2**20 + b'"}}',
    "5 MB of nothing": b" " * 5 * 2**20,
    "null": b"null",
    "a bare string": b'"x"',
    "empty": b"",
    "zero bytes": b'{"data": {"a\\u0000b": "\\u0000"}, "name": "\\u0000"}',
}


def _fill(name: str) -> dict[str, Any]:
    path = operations()[name][1]
    values = dict.fromkeys(["slug", "id", "shareId", "sessionId", "token"], "charter-handover")
    return {part: value for part, value in values.items() if f"{{{part}}}" in path}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_body_gets_a_status_by_the_contract(api: ContractClient, kind: str) -> None:
    """Every operation that takes JSON answers every body with something that the contract knows."""
    for name in TAKES_JSON:
        reply = await api.call(name, data=BytesIO(HOSTILE[kind]), **_fill(name))

        assert reply.status < 500, (name, reply.body[:200])


async def test_nesting_that_no_encoder_can_write_again_is_refused(api: ContractClient) -> None:
    """What is stored must be readable again, so it is refused before it is stored."""
    metadata = b'{"a":' * 220 + b"1" + b"}" * 220
    body = b'{"name": "x", "manifest": {"variables": [], "loops": []}, "layout": ' + metadata + b"}"
    reply = await api.call("create_template", data=body)

    assert reply.code == "invalid_json"


async def test_many_brackets_side_by_side_are_no_nesting(api: ContractClient) -> None:
    """A loop has ten thousand rows, each of them an object."""
    body = {"data": {"booking": {"code": "B"}, "areas": [{"areaKey": "Hull"}] * 10_000}}

    assert (await api.call("render_template", slug="charter-handover", json=body)).status == 202


async def test_a_body_that_no_honest_program_sends_is_too_large(api: ContractClient) -> None:
    """32 MiB are far above ten thousand rows."""
    reply = await api.call("create_project", data=BytesIO(bytes(32 * 2**20 + 1)))

    assert (reply.status, reply.code) == (413, "file_too_large")


async def test_keys_with_endless_dots_are_refused(api: ContractClient) -> None:
    """A key of a thousand parts would nest a thousand objects."""
    for manifest in (
        {"variables": [{"key": "a." * 1000}], "loops": []},
        {"variables": [], "loops": [{"key": "x", "label": "x", "itemFields": [{"key": "." * 500}]}]},
    ):
        reply = await api.call("create_template", json={"name": "x", "manifest": manifest})

        assert reply.code == "invalid_request"


@pytest.mark.parametrize("path", ["/v1/renders/%ff%fe", "/v1/templates/%00", "/v1/hooks/%ed%a0%80", "/v1/x/../y"])
async def test_a_hostile_path_finds_nothing(api: ContractClient, path: str) -> None:
    """Bytes that are no text are just another unknown name."""
    key = {"Authorization": f"Bearer {api.keys['projectKey']}"}
    async with api.session.get(api.url + path, headers=key) as response:
        assert response.status in {404, 405}
        assert "error" in await response.json()


async def test_a_header_that_is_no_text_is_taken_as_it_comes(api: ContractClient) -> None:
    """An idempotency key of any bytes dedupes as well as another."""
    body = {"data": {"booking": {"code": "B"}}}
    headers = {"Idempotency-Key": "\udcff\udc80 \u00fc"}
    for status in (202, 200):
        reply = await api.call("render_template", slug="charter-handover", json=body, headers=headers)

        assert reply.status == status
    assert (await api.control("GET", "requests"))["requests"]


async def test_a_broken_content_encoding_is_a_body_that_cannot_be_read(api: ContractClient) -> None:
    """The server unpacks before it parses; what cannot be unpacked is no JSON."""
    headers = {"Content-Encoding": "gzip"}
    reply = await api.call("create_project", data=b"not gzip", headers=headers)

    assert reply.status == 400


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", b"{}", "invalid_multipart"),
        ("multipart/form-data", b"", "invalid_multipart"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n", "invalid_multipart"),
        ("multipart/form-data; boundary=" + "x" * 500, b"", "invalid_multipart"),
        ("multipart/form-data; boundary=x", b"--x--\r\n", "missing_file"),
        ("multipart/form-data; boundary=x", NO_FILE, "missing_file"),
    ],
)  # fmt: skip  # a table
async def test_a_broken_upload_names_what_is_wrong(
    api: ContractClient, content_type: str, body: bytes, code: str
) -> None:
    """Two codes tell a body that is no form from a form without the file."""
    template = (await api.call("get_template", slug="invoice")).json["id"]
    minted = {
        "tenant": {"externalId": "t", "displayName": "T"},
        "actor": {"externalId": "a"},
        "scope": {"mode": "fill", "templateExternalId": template},
    }
    session = (await api.call("mint_embed_session", json=minted)).json
    reply = await api.call(
        "upload_embed_form_image",
        sessionId=session["session_id"],
        key=session["session_token"],
        data=body,
        headers={"Content-Type": content_type},
    )

    assert reply.code == code
