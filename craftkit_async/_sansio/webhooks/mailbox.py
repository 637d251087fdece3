"""Mailbox: a delivery that overtakes the answer to its own submit is kept until that answer names its id."""

from typing import NamedTuple

from craftkit_async.models.renders import Render


class _Letter(NamedTuple):
    number: int
    render: Render
    source: str
    came: float


class Mailbox:
    """Keeps the end of a render that nobody here knows, but only while a submit from before it is unanswered.

    Submits and letters are numbered by one counter. As soon as no unanswered submit has a lower number than a
    letter, nobody can ask for it any more.
    """

    __slots__ = ("_age", "_letters", "_most", "_number", "_open", "is_open")

    def __init__(self, most: int, age: float) -> None:
        self._most = most
        self._age = age
        self._number = 0
        # Both in the order of their numbers.
        self._open: dict[int, None] = {}
        self._letters: dict[str, _Letter] = {}
        self.is_open = False
        """Is there a submit that may yet ask for a letter?"""

    def __len__(self) -> int:
        return len(self._letters)

    def begin(self) -> int:
        """Note that a submit is under way, and return its number."""
        self._number += 1
        self._open[self._number] = None
        self.is_open = True
        return self._number

    def end(self, number: int) -> None:
        """Note that this submit is answered, failed or given up."""
        del self._open[number]
        self.is_open = bool(self._open)
        if self._letters:
            self._sweep(next(iter(self._open), self._number + 1))

    def put(self, render: Render, source: str, now: float) -> bool:
        """Keep the end of an unknown render while this is open; the oldest makes room."""
        if not self.is_open:
            return False
        self._number += 1
        self._letters.pop(render.id, None)
        self._letters[render.id] = _Letter(self._number, render, source, now)
        while len(self._letters) > self._most or self._first().came < now - self._age:
            del self._letters[next(iter(self._letters))]
        return True

    def take(self, id: str) -> tuple[Render, str] | None:
        """Hand out what came for an id, and by which way."""
        letter = self._letters.pop(id, None)
        return None if letter is None else (letter.render, letter.source)

    def _first(self) -> _Letter:
        return next(iter(self._letters.values()))

    def _sweep(self, oldest: int) -> None:
        """Throw away what came before the oldest open submit began."""
        while self._letters and self._first().number < oldest:
            del self._letters[next(iter(self._letters))]
