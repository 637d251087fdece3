"""A bare client that knows the contract only, and holds every reply against it."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import yaml
from attrs import define, field

CONTRACT = Path(__file__).parents[2] / "craftkit_async" / "emulator" / "openapi.yaml"
CHECKER = jsonschema.FormatChecker(["uuid", "email"])


@CHECKER.checks("date-time")
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}\.\d{3}Z", value))


@CHECKER.checks("uri")
def _is_url(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"https?://[^/\s]+/\S*", value))


@cache
def load() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.load(CONTRACT.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - the fast safe one
    return document


@cache
def operations() -> Mapping[str, tuple[str, str, Mapping[str, Any]]]:
    return {
        described["operationId"]: (method, path, described)
        for path, item in load()["paths"].items()
        for method, described in item.items()
        if method != "parameters"
    }


def resolve(node: Any) -> Any:
    while "$ref" in node:
        found: Any = load()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


@define
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any = None

    @property
    def code(self) -> str:
        error = self.json["error"]
        return str(error if isinstance(error, str) else error["code"])


@define
class ContractClient:
    session: aiohttp.ClientSession
    url: str
    keys: Mapping[str, str]
    covered: set[str] = field(factory=set)

    async def call(
        self, operation: str, *, key: str | None = "", json: Any = None, headers: Any = (), **sent: Any
    ) -> Reply:
        """Call an operation with the key it takes (`key=None` for none) and check the reply against the contract."""
        method, path, described = operations()[operation]
        names = re.findall(r"{(\w+)}", path)
        address = self.url + path.format(**{name: sent.pop(name) for name in names})
        bearer = self._choose_key(described) if key == "" else key
        headers = {**dict(headers), **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        if json is not None:
            sent["json"] = json
        async with self.session.request(method, address, headers=headers, **sent) as response:
            reply = Reply(response.status, response.headers, await response.read())
        if response.content_type == "application/json":
            reply.json = await response.json()
        check(operation, reply)
        self.covered.add(operation)
        return reply

    async def control(self, method: str, path: str, json: Any = None) -> Any:
        """Call one of the emulator's own routes."""
        async with self.session.request(method, f"{self.url}/_emulator/{path}", json=json) as response:
            assert response.ok, await response.text()
            return await response.json()

    def _choose_key(self, described: Mapping[str, Any]) -> str | None:
        kinds = [kind for choice in described["security"] for kind in choice]
        return self.keys[kinds[0]] if kinds else None


def check(operation: str, reply: Reply) -> None:
    """Hold a reply against the contract: its status, its type, its shape."""
    responses = operations()[operation][2]["responses"]
    described = resolve(responses.get(str(reply.status)) or responses["default"])
    assert str(reply.status) in responses or reply.status >= 400, f"{operation} answers no {reply.status}"
    content = described.get("content", {})
    sent = reply.headers["Content-Type"].split(";")[0]
    assert sent in content, f"{operation} answers no {sent}"
    if sent == "application/json":
        rooted = {**content[sent]["schema"], "components": load()["components"]}
        jsonschema.validate(reply.json, rooted, jsonschema.Draft202012Validator, format_checker=CHECKER)
    for name in described.get("headers", {}):
        assert name in reply.headers, f"{operation} sends {name}"
