"""Limiting: how many requests may be in flight, learned from how the service answers."""

# Chosen in simulation against token buckets, windows, overload and noisy neighbours.
_SHRINK = 0.85
_FLOOR = 4


class Window:
    """A number that grows by one per windowful of successes and shrinks once per congestion.

    Until the first congestion it grows by one per success: nothing is known yet of what the service takes, and a
    service without a limit should not be asked for minutes as if it had one.

    An epoch is the time between two shrinks: of all requests that were under way when the service
    said "too much", only the first shrinks the window; the others repeat old news.
    """

    __slots__ = ("epoch", "floor", "most", "size")

    def __init__(self, first: int, most: int) -> None:
        self.most = most
        self.size = float(min(first, most))
        self.floor = float(min(_FLOOR, self.size))
        self.epoch = 0

    @property
    def slots(self) -> int:
        """How many requests may be in flight now."""
        return int(self.size)

    def succeeded(self, in_flight: int) -> None:
        """Note a success: the window grows only while it is in use."""
        if in_flight >= int(self.size) and self.size < self.most:
            self.size = min(self.size + (1 / self.size if self.epoch else 1), self.most)

    def congested(self, epoch: int) -> None:
        """Note a rejection or a timeout of a request that was sent in `epoch`."""
        if epoch == self.epoch:
            self.size = max(self.size * _SHRINK, self.floor)
            self.epoch += 1
