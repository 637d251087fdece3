"""A token bucket: so many requests in so much time, one second's or minute's worth at once."""

import re
from typing import Final

from attrs import define, field, frozen

_RATE: Final = re.compile(r"\s*(\d{1,9})\s*/\s*([sm])\s*")
_SECONDS: Final = {"s": 1.0, "m": 60.0}


@frozen
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


@define
class TokenBucket:
    """Allows one period's requests at once, and the rate in the long run."""

    rate: Rate
    _tokens: float = field(init=False)
    _seen: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._tokens = self.rate.requests

    def take(self, now: float) -> bool:
        """Take one token if there is one; `now` is in seconds."""
        grown = max(0.0, now - self._seen) * self.rate.requests / self.rate.seconds
        self._tokens, self._seen = min(self.rate.requests, self._tokens + grown), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def parse_rate(text: str) -> Rate:
    """Read `200/s` or `90/m`; raises ValueError that says so."""
    found = _RATE.fullmatch(text)
    if not found or int(found[1]) < 1:
        raise ValueError(f"{text!r} is no rate; write at least one request in a second or minute, as in 200/s or 90/m")
    return Rate(int(found[1]), _SECONDS[found[2]])
