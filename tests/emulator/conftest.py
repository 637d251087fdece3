"""An emulator without PDFs and without waiting, and a client that checks each of its replies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from craftkit_async.emulator import Emulator
from tests.support.contract_client import ContractClient

Start = Callable[..., Awaitable[tuple[Emulator, ContractClient]]]


def make_client(emulator: Emulator, session: aiohttp.ClientSession) -> ContractClient:
    keys = {
        "projectKey": emulator.api_key,
        "accountKey": emulator.account_key,
        "adminKey": emulator.admin_key,
        "embedSession": "none",
    }
    return ContractClient(session, emulator.url, keys)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(pdf=False, latency="0") as emulator:
        yield emulator


@pytest.fixture
async def api(emulator: Emulator) -> AsyncIterator[ContractClient]:
    async with aiohttp.ClientSession() as session:
        yield make_client(emulator, session)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start an emulator with settings of the test's own; all are ended with the test."""
    opened: list[Any] = []

    async def start(**settings: Any) -> tuple[Emulator, ContractClient]:
        emulator = Emulator(**{"pdf": False, "latency": "0", **settings})
        session = aiohttp.ClientSession()
        opened.extend([session, emulator])
        await emulator.__aenter__()
        return emulator, make_client(emulator, session)

    yield start
    for each in opened:
        await each.__aexit__(None, None, None)


class Waiting:
    """Waits for what an emulator does by itself."""

    @staticmethod
    async def until(is_true: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not is_true():  # noqa: ASYNC110 - what is waited for happens in a server, which sets no event
                await asyncio.sleep(0.005)

    @staticmethod
    async def for_render(api: ContractClient, id: str, status: str = "succeeded") -> Any:
        async with asyncio.timeout(20):
            while (reply := await api.call("get_render", id=id)).json["status"] != status:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.005)
        return reply.json


@pytest.fixture
def waiting() -> type[Waiting]:
    return Waiting
