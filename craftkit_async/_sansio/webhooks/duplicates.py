"""Duplicates: which deliveries were accepted before, so that each is acted on once.

A deduplication key is made of signed bytes where it can be: nobody can vary those. Two recipients who sign can honestly
cause identical bodies, so the key of such an event has the delivery id as well, which anybody who has seen one genuine
body can make up. The three rules that follow from this:

- The keys of one signature are bounded in number. A flood of made-up ids therefore pushes out its own keys only.
- What was claimed for work and what merely passed are remembered apart, so that a flood of events that no handler takes
  cannot make a repeat of one that a handler took run again.
- A key is forgotten by count and never by age: the service does not say when its last attempt comes.
"""

# The hex digits of a SHA-256: what follows them in a key is the digest of the delivery id.
_SIGNATURE_LENGTH = 64

# Six attempts of one delivery come within minutes or hours. Two generations of this size hold more deliveries than come
# in that time, in about ten megabytes.
_REMEMBERED = 32_768

# The service lets at most 20 recipients sign one request, so identical bodies have at most that many honest ids.
_KEYS_PER_SIGNATURE = 32


class Duplicates:
    """Remembers keys in two generations, so that forgetting costs one assignment.

    A key is a signature, or a signature with a digest of the delivery id behind it. Both generations are sets that a
    caller may ask directly: this is done for every delivery.
    """

    __slots__ = ("_by_signature", "current", "previous")

    def __init__(self) -> None:
        self.current: set[str] = set()
        self.previous: set[str] = set()
        # The keys of this generation that have a delivery id, the oldest first.
        self._by_signature: dict[str, dict[str, None]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self.current or key in self.previous

    def add(self, key: str) -> None:
        """Remember a key; the oldest ones make room."""
        if len(self.current) >= _REMEMBERED:
            self.previous, self.current, self._by_signature = self.current, set(), {}
        self.current.add(key)
        if len(key) > _SIGNATURE_LENGTH:
            keys = self._by_signature.setdefault(key[:_SIGNATURE_LENGTH], {})
            keys[key] = None
            if len(keys) > _KEYS_PER_SIGNATURE:
                oldest = next(iter(keys))
                del keys[oldest]
                self.current.discard(oldest)
