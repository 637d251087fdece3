"""Resource: what the methods of every noun are built on."""

from typing import Any

from craftkit_async._io.sender import Sender
from craftkit_async._sansio.calls.call import OMITTED, Call, Result, TimeoutOption


class Resource:
    """The operations of one noun."""

    __slots__ = ("_sender",)

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def _send(self, call: Call[Result], timeout: TimeoutOption = OMITTED) -> Result:
        answer: Any = await self._sender.send(call, timeout=timeout)
        result: Result = answer.value
        return result

    async def _send_for_list(self, call: Call[Result], timeout: TimeoutOption = OMITTED) -> list[Result]:
        answer: Any = await self._sender.send(call, timeout=timeout)
        result: list[Result] = answer.value
        return result
