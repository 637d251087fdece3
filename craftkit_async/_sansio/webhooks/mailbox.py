"""Mailbox: a delivery that overtakes the answer to its own submit is kept until that answer names its id."""

from collections.abc import Hashable
from typing import NamedTuple

from craftkit_async.models.renders import Render


class _Letter(NamedTuple):
    number: int
    render: Render
    source: str
    came: float


class _Box:
    """The open submits and the kept deliveries of one project, each in the order of their numbers."""

    __slots__ = ("letters", "submits")

    def __init__(self) -> None:
        self.submits: dict[int, None] = {}
        self.letters: dict[str, _Letter] = {}


class Mailbox:
    """Keeps how an unknown render finished, but only while an earlier submit of its project is unanswered.

    Submits and deliveries are numbered by one counter. As soon as no unanswered submit of the project has a lower
    number than a delivery, no submit can ask for that delivery any more. The bound counts the deliveries of all
    projects together.
    """

    __slots__ = ("_age", "_most", "_number", "_order", "boxes")

    def __init__(self, most: int, age: float) -> None:
        self._most = most
        self._age = age
        self._number = 0
        self.boxes: dict[Hashable, _Box] = {}
        """By project; there is one while a submit of the project may yet ask for a delivery."""
        # What is kept, the oldest first.
        self._order: dict[tuple[Hashable, str], float] = {}

    def __len__(self) -> int:
        return len(self._order)

    def begin(self, project: Hashable) -> int:
        """Note that a submit is under way, and return its number."""
        self._number += 1
        box = self.boxes.get(project)
        if box is None:
            box = self.boxes[project] = _Box()
        box.submits[self._number] = None
        return self._number

    def end(self, project: Hashable, number: int) -> None:
        """Note that this submit is answered, failed or given up."""
        box = self.boxes[project]
        del box.submits[number]
        if not box.submits:
            del self.boxes[project]
        oldest = next(iter(box.submits), self._number + 1)
        while box.letters and next(iter(box.letters.values())).number < oldest:
            self._drop(project, box, next(iter(box.letters)))

    def put(self, project: Hashable, render: Render, source: str, now: float) -> bool:
        """Keep how an unknown render finished while a submit is open; the oldest delivery makes room."""
        box = self.boxes.get(project)
        if box is None:
            return False
        self._number += 1
        if render.id in box.letters:
            self._drop(project, box, render.id)
        box.letters[render.id] = _Letter(self._number, render, source, now)
        self._order[project, render.id] = now
        while len(self._order) > self._most or next(iter(self._order.values())) < now - self._age:
            owner, oldest = next(iter(self._order))
            self._drop(owner, self.boxes[owner], oldest)
        return True

    def take(self, project: Hashable, id: str) -> tuple[Render, str] | None:
        """Hand out what came for an id, and by which way."""
        box = self.boxes.get(project)
        if box is None or id not in box.letters:
            return None
        letter = box.letters[id]
        self._drop(project, box, id)
        return letter.render, letter.source

    def _drop(self, project: Hashable, box: _Box, id: str) -> None:
        del box.letters[id]
        del self._order[project, id]
