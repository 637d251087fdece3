"""Duplicates: which deliveries were accepted before, so that each is acted on once.

A deduplication key is made of signed bytes where it can be: nobody can vary those. Two recipients who sign can honestly
cause identical bodies, so the key of such an event has the delivery id as well, which anybody who has seen one genuine
body can make up. The three rules that follow from this:

- The ids of one signature share one slot. A flood of made-up ids therefore pushes out ids of its own signature only.
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
_IDS_PER_SIGNATURE = 32


class Duplicates:
    """Remembers keys in two generations, so that forgetting costs one assignment.

    A key is a signature, or a signature with a digest of the delivery id behind it.
    """

    __slots__ = ("_current", "_previous")

    def __init__(self) -> None:
        # The delivery ids by signature; no ids where the signature alone is the key.
        self._current: dict[str, tuple[str, ...]] = {}
        self._previous: dict[str, tuple[str, ...]] = {}

    def __contains__(self, key: str) -> bool:
        if len(key) == _SIGNATURE_LENGTH:
            return key in self._current or key in self._previous
        signature, delivery_id = _split(key)
        return delivery_id in self._current.get(signature, ()) or delivery_id in self._previous.get(signature, ())

    def add(self, key: str) -> None:
        """Remember a key; the oldest ones make room."""
        signature, delivery_id = _split(key)
        ids = self._current.get(signature)
        if ids is None and len(self._current) >= _REMEMBERED:
            self._previous, self._current = self._current, {}
        self._current[signature] = (*(ids or ())[1 - _IDS_PER_SIGNATURE :], delivery_id) if delivery_id else ()


def _split(key: str) -> tuple[str, str]:
    return key[:_SIGNATURE_LENGTH], key[_SIGNATURE_LENGTH:]
