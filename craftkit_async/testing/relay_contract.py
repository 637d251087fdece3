"""The contract of a relay, as a test that any relay can be run against."""

import asyncio
from collections.abc import Callable
from typing import Final

from craftkit_async.waiting.relay import Claim, Relay, SignedRender

__all__ = ["relay_contract"]

MakeRelay = Callable[[], Relay]

# For what is published to be heard: a relay between machines needs a while, one in memory a turn of the loop.
_PATIENCE: Final = 5.0


async def relay_contract(make: MakeRelay) -> None:
    """Check every rule of `Relay`; raises `AssertionError` with the rule that is broken.

    `make` returns a new relay each time, all of them connected to one store that is empty at first.
    """
    for rule in (
        _published_is_heard_elsewhere,
        _published_is_found,
        _the_same_record_again_changes_nothing,
        _at_most_four_records_an_id,
        _a_claim_is_exclusive,
        _a_claim_is_renewed_by_its_token,
        _a_lease_runs_out,
        _a_commit_is_final,
        _only_the_holder_releases,
        _a_closed_relay_hears_nothing_and_opens_again,
    ):
        one, other = _Side(make()), _Side(make())
        await one.open()
        await other.open()
        try:
            await rule(one, other)
        finally:
            await one.relay.aclose()
            await other.relay.aclose()


class _Side:
    """One process, and what it heard."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.heard: list[tuple[str, SignedRender]] = []
        self._changed = asyncio.Event()

    async def open(self) -> None:
        await self.relay.open(self._hear, lambda: None)

    def _hear(self, render_id: str, delivery: SignedRender) -> None:
        self.heard.append((render_id, delivery))
        self._changed.set()

    async def hears(self, render_id: str, delivery: SignedRender) -> bool:
        """Is this heard in time?"""
        try:
            async with asyncio.timeout(_PATIENCE):
                while (render_id, delivery) not in self.heard:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True


def _check(holds: bool, rule: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise AssertionError(f"the relay breaks its contract: {rule}")


def _record(number: int) -> SignedRender:
    return SignedRender(b'{"event": "render.succeeded", "n": %d}\xff\x00' % number, f"{number:064x}")


async def _published_is_heard_elsewhere(one: _Side, other: _Side) -> None:
    await one.relay.publish("heard", _record(1))
    _check(await other.hears("heard", _record(1)), "what one relay publishes, the other hears, byte for byte")


async def _published_is_found(one: _Side, other: _Side) -> None:
    await one.relay.publish("found", _record(2))
    found = await other.relay.lookup(["found", "never published"])
    _check([tuple(record) for record in found["found"]] == [tuple(_record(2))], "lookup returns what was published")
    _check(not found.get("never published"), "lookup knows nothing of other ids")


async def _the_same_record_again_changes_nothing(one: _Side, other: _Side) -> None:
    for _ in range(2):
        await one.relay.publish("twice", _record(3))
    found = await other.relay.lookup(["twice"])
    _check(len(found["twice"]) == 1, "records of one id are distinct by signature")


async def _at_most_four_records_an_id(one: _Side, other: _Side) -> None:
    for number in range(6):
        await one.relay.publish("many", _record(number))
    found = [tuple(record) for record in (await other.relay.lookup(["many"]))["many"]]
    _check(
        found == [tuple(_record(number)) for number in (5, 4, 3, 2)], "the four newest records of an id, newest first"
    )


async def _a_claim_is_exclusive(one: _Side, other: _Side) -> None:
    _check(await one.relay.claim("exclusive", "a", 60.0) is Claim.MINE, "an unclaimed key is MINE")
    _check(await other.relay.claim("exclusive", "b", 60.0) is Claim.BUSY, "a claimed key is BUSY for others")


async def _a_claim_is_renewed_by_its_token(one: _Side, other: _Side) -> None:
    await one.relay.claim("renewed", "a", 60.0)
    _check(await other.relay.claim("renewed", "a", 60.0) is Claim.MINE, "the same token renews its lease")


async def _a_lease_runs_out(one: _Side, other: _Side) -> None:
    await one.relay.claim("short", "a", 0.05)
    await asyncio.sleep(0.2)
    _check(await other.relay.claim("short", "b", 60.0) is Claim.MINE, "a lease that ran out is free")


async def _a_commit_is_final(one: _Side, other: _Side) -> None:
    await one.relay.claim("done", "a", 60.0)
    await one.relay.commit("done", "a")
    await one.relay.release("done", "a")
    _check(await other.relay.claim("done", "b", 60.0) is Claim.DONE, "a committed key is DONE, also after a release")


async def _only_the_holder_releases(one: _Side, other: _Side) -> None:
    await one.relay.claim("held", "a", 60.0)
    await other.relay.release("held", "b")
    _check(await other.relay.claim("held", "b", 60.0) is Claim.BUSY, "another token releases nothing")
    await one.relay.release("held", "a")
    _check(await other.relay.claim("held", "b", 60.0) is Claim.MINE, "a released key is free")


async def _a_closed_relay_hears_nothing_and_opens_again(one: _Side, other: _Side) -> None:
    await other.relay.aclose()
    await one.relay.publish("closed", _record(7))
    await other.open()
    await one.relay.publish("open again", _record(8))
    _check(await other.hears("open again", _record(8)), "a relay may be opened again")
    _check(("closed", _record(7)) not in other.heard, "a closed relay hears nothing")
