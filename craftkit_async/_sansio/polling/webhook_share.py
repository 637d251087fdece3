"""Webhook share: whether webhooks bring the completions of a project, so that polls may step back to a safety net."""

from collections import deque
from typing import Literal

Mode = Literal["auto", "expect", "off"]
MODES: tuple[Mode, ...] = ("auto", "expect", "off")

# How many of the latest completions count, and which share of them makes polls step back or return.
_WINDOW = 32
_ENOUGH = 0.9
_TOO_FEW = 0.5


class WebhookShare:
    """Remembers how the latest completions of a project came.

    A secret alone proves nothing: a process that shares it may receive no webhook. So `auto` waits for a whole window
    of completions, `expect` steps back until webhooks fail to come, and `off` never steps back.
    """

    __slots__ = ("_by_webhook", "_latest", "_mode", "noted", "stepped_back")

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self.stepped_back = mode == "expect"
        granted = _WINDOW if self.stepped_back else 0
        self._latest: deque[bool] = deque([True] * granted, maxlen=_WINDOW)
        self._by_webhook = granted
        self.noted = 0
        """The number of the latest completion."""

    def note(self, *, by_webhook: bool) -> bool:
        """Note one completion; returns whether the pace changed."""
        if self._mode == "off":
            return False
        if len(self._latest) == _WINDOW:
            self._by_webhook -= self._latest[0]
        self._latest.append(by_webhook)
        self._by_webhook += by_webhook
        self.noted += 1
        return self._decide()

    def amend(self, number: int) -> bool:
        """Count an earlier completion by poll, if it is among the latest, as one by webhook; did the pace change?"""
        place = number - self.noted - 1
        if self._mode == "off" or -place > len(self._latest) or self._latest[place]:
            return False
        self._latest[place] = True
        self._by_webhook += 1
        return self._decide()

    def _decide(self) -> bool:
        share = self._by_webhook / _WINDOW
        is_whole = len(self._latest) == _WINDOW
        changed = share < _TOO_FEW if self.stepped_back else is_whole and share >= _ENOUGH
        if changed:
            self.stepped_back = not self.stepped_back
        return changed
