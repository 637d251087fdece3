"""Rate limiting with a token bucket."""

import re
from typing import Final

from attrs import define, field, frozen

_RATE: Final = re.compile(r"\s*(\d{1,9})\s*/\s*([sm])\s*")
_SECONDS: Final = {"s": 1.0, "m": 60.0}


@frozen
class Rate:
    """A number of requests per period, in seconds."""

    requests: int
    seconds: float


@define
class TokenBucket:
    """Allows bursts of one period's requests, and the rate on average."""

    rate: Rate
    _tokens: float = field(init=False)
    _seen: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._tokens = self.rate.requests

    def take(self, now: float) -> bool:
        """Take one token and return True, or return False if none is left; `now` is in seconds."""
        refill = max(0.0, now - self._seen) * self.rate.requests / self.rate.seconds
        self._tokens, self._seen = min(self.rate.requests, self._tokens + refill), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def parse_rate(text: str) -> Rate:
    """Parse `200/s` or `90/m`; raises ValueError naming the accepted forms."""
    found = _RATE.fullmatch(text)
    if not found or int(found[1]) < 1:
        raise ValueError(f"invalid rate {text!r}; expected at least one request per period, such as 200/s or 90/m")
    return Rate(int(found[1]), _SECONDS[found[2]])
