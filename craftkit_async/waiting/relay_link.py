"""RelayLink: one client's use of its relay, bounded in time, so that a relay can fail without delaying a poll."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

from craftkit_async._io.runtime import Runtime
from craftkit_async.errors import RelayError
from craftkit_async.waiting.relay import Claim, Relay, SignedRender

Result = TypeVar("Result")

_logger = logging.getLogger(__name__)

# The service waits about 15 s for an answer to a delivery; publish, claim and commit have to fit in together.
_PATIENCE = 3.0

# After a lookup failed. Polls find what lookups would have brought, so there is no hurry.
_LOOKUP_PAUSE = 5.0
_IDS_PER_LOOKUP = 1000

# Opening is tried again in the background, from the first pause to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0

# Work has a lease, so that the work of a process that dies is taken over, and is renewed well before it runs out.
LEASE = 5.0
_RENEWAL = 2.0

# While another process works on the same delivery.
_BUSY_PATIENCE = 10.0
_BUSY_PAUSE = 0.25

# The relay carries what fits into one small record; polls find the rest.
_LARGEST_BODY = 64 * 1024

Heard = Callable[[str, SignedRender], None]
Found = Callable[[str, SignedRender], None]


class RelayLink:
    """Opens the relay, publishes, looks up and claims; every failure comes out as a `RelayError` within 3 s."""

    def __init__(self, runtime: Runtime, relay: Relay, hear: Heard, found: Found, on_gap: Callable[[], None]) -> None:
        self._runtime = runtime
        self._relay = relay
        self._hear = hear
        self._found = found
        self._on_gap = on_gap
        self._is_open = False
        self._is_closed = False
        self._has_complained = False
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        # Ids that wait for the next lookup, in the order in which they came.
        self._asked: dict[str, None] = {}
        self._no_lookup_before = 0.0
        self._busy = 0

    async def open(self) -> None:
        """Listen to the other processes; where that fails, it is tried again in the background."""
        try:
            await self._use(None)
        except RelayError as error:
            self._complain(error)
            self._start(self._open_later())

    async def aclose(self) -> None:
        """Close the relay for good: work that outlives the client opens it no more. A failure is logged."""
        self._is_closed = True
        try:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
        finally:
            # Also when closing is cancelled: the relay's connections belong to nobody else.
            was_open, self._is_open = self._is_open, False
            if was_open:
                await self._close()

    async def publish(self, render_id: str, delivery: SignedRender) -> None:
        """Hand a delivery to the other processes; one that is too large is left to polls."""
        if len(delivery.body) < _LARGEST_BODY:
            await self._use(lambda relay: relay.publish(render_id, delivery))

    def look_up(self, render_ids: Iterable[str]) -> None:
        """Ask what was published about these ids, together with all others of this turn of the loop."""
        if self._runtime.check().time() < self._no_lookup_before or self._is_closed:
            return
        if not self._asked:
            self._start(self._look_up_asked())
        self._asked.update(dict.fromkeys(render_ids))

    # ---- claims

    async def claim(self, key: str) -> "HeldClaim | None":
        """Claim the work of a delivery, renewed until it is finished; None where another process did the work."""
        token = os.urandom(16).hex()
        if await self._claim(key, token) is Claim.DONE:
            return None
        return HeldClaim(self, key, token)

    async def _claim(self, key: str, token: str) -> Claim:
        """Claim, and wait for another process that is at work, which either finishes or loses its lease."""
        claim = await self._claim_once(key, token)
        if claim is not Claim.BUSY:
            return claim
        self._runtime.statistics.busy += 1
        if self._busy >= self._runtime.settings.limits.handlers:
            raise RelayError("too many deliveries wait for work of other processes")
        self._busy += 1
        try:
            async with asyncio.timeout(_BUSY_PATIENCE):
                while claim is Claim.BUSY:
                    await asyncio.sleep(_BUSY_PAUSE)
                    claim = await self._claim_once(key, token)
        except TimeoutError:
            raise RelayError("another process is still at work on this delivery") from None
        finally:
            self._busy -= 1
        return claim

    async def _claim_once(self, key: str, token: str) -> Claim:
        claim = await self._use(lambda relay: relay.claim(key, token, LEASE))
        if not isinstance(claim, Claim):
            raise RelayError(f"the relay answered a claim with {type(claim).__name__} instead of a Claim")
        return claim

    async def renew(self, key: str, token: str) -> None:
        """Renew a lease; a failure is logged, and the next renewal may succeed in time."""
        try:
            await self._claim_once(key, token)
        except RelayError as error:
            self._complain(error)

    async def commit(self, key: str, token: str) -> None:
        """Note that the work is done."""
        await self._use(lambda relay: relay.commit(key, token))

    async def release(self, key: str, token: str) -> None:
        """Give a claim back; where that fails, its lease runs out by itself."""
        try:
            await self._use(lambda relay: relay.release(key, token))
        except RelayError as error:
            self._complain(error)

    # ---- lookups

    async def _look_up_asked(self) -> None:
        """Wait for the end of this turn of the loop, then ask for all ids at once."""
        await asyncio.sleep(0)
        while self._asked:
            ids = list(self._asked)[:_IDS_PER_LOOKUP]
            for asked in ids:
                del self._asked[asked]
            try:
                records = await self._use(lambda relay, ids=ids: relay.lookup(ids))  # type: ignore[misc]  # bound now
                self._take_found(records, ids)
            except RelayError as error:
                self._complain(error)
                self._no_lookup_before = self._runtime.check().time() + _LOOKUP_PAUSE
                self._asked.clear()

    def _take_found(self, records: object, ids: Sequence[str]) -> None:
        try:
            for render_id in ids:
                for record in records.get(render_id, ()):  # type: ignore[attr-defined]  # what a foreign relay returned
                    self._found(render_id, SignedRender(*record))
        except (AttributeError, TypeError) as error:
            raise RelayError("the relay answered a lookup with something else than records by id") from error

    # ---- opening and using

    async def _open_later(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_open:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                await self._use(None)
            except RelayError as error:
                self._complain(error)
        # What was published meanwhile was not heard.
        self._on_gap()

    async def _use(self, use: "Callable[[Relay], Awaitable[Result]] | None") -> "Result | None":
        """Use the relay, opened if need be; only a `RelayError` comes out."""
        if self._is_closed:
            raise RelayError("the client was closed")

        async def work() -> "Result | None":
            if not self._is_open:
                await self._open_once()
            return await use(self._relay) if use is not None else None

        result = await _bounded(work())
        self._has_complained = False
        return result

    async def _open_once(self) -> None:
        async with self._opening:
            if self._is_open:
                return
            await self._relay.open(self._hear, self._on_gap)
            self._is_open = True

    async def _close(self) -> None:
        try:
            await _bounded(self._relay.aclose())
        except RelayError as error:
            _logger.warning("the relay could not be closed: %s", error)

    def _start(self, work: "Coroutine[None, None, None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _complain(self, error: RelayError) -> None:
        """Count a failure; log it once, and again only after the relay was back."""
        self._runtime.statistics.relay_failures += 1
        if not self._has_complained:
            self._has_complained = True
            _logger.warning("the relay does not answer; polls find what it would have brought: %s", error)


async def _bounded(work: "Awaitable[Result]") -> Result:
    """Bound work of the relay in time; every failure, a cancellation from within included, is a `RelayError`."""
    me = asyncio.current_task()
    try:
        async with asyncio.timeout(_PATIENCE):
            return await work
    except RelayError:
        raise
    except asyncio.CancelledError as error:
        # A cancellation may have come before this call and be delivered only here, so the count at entry says nothing.
        if me is not None and me.cancelling():
            raise
        raise RelayError("the relay was cancelled from within") from error
    except Exception as error:
        # The text of a foreign error may hold anything, an address with a password included.
        raise RelayError(f"the relay failed: {type(error).__name__}") from error


class HeldClaim:
    """The claim of this process to the work of one delivery."""

    def __init__(self, link: RelayLink, key: str, token: str) -> None:
        self._link = link
        self._key = key
        self._token = token
        self._is_committed = False
        self._renewing = asyncio.get_running_loop().create_task(self._renew())

    async def commit(self) -> None:
        """Note that the work is done, or raise a `RelayError`."""
        await self._link.commit(self._key, self._token)
        self._is_committed = True

    async def finish(self) -> None:
        """Renew the lease no longer, and give the claim back unless the work is done."""
        self._renewing.cancel()
        if not self._is_committed:
            await self._link.release(self._key, self._token)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEWAL)
            await self._link.renew(self._key, self._token)
