"""Stories: what an observer heard during the demo, gathered into two tables."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from craftkit_async.errors import ApiError, DownloadError, TransportError
from craftkit_async.observe.events import AttemptFailed, Completed, DeliveryReceived, DeliveryRefused, Event, Submitted

_NOUNS: Final = {"render_template": "submit", "get_render": "poll", "fetch_document": "download"}


class Stories:
    """An observer that counts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._delays: dict[str, list[float]] = defaultdict(list)
        self._survived: Counter[str] = Counter()

    def on_event(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case Completed(render, source):
                if render.completed_at is not None:
                    self._delays[source].append(max(0.0, self._clock() - render.completed_at.timestamp()))
            case AttemptFailed(operation, _, error):
                self._survived[f"{_NOUNS.get(operation, 'download')} {_error_summary(error)}"] += 1
            case Submitted(replayed=True):
                self._survived["submit that had arrived, found again by its key"] += 1
            case DeliveryReceived(duplicate=True):
                self._survived["webhook that came a second time"] += 1
            case DeliveryRefused():
                self._survived["webhook that was forged"] += 1

    def delays(self, by_source: Mapping[str, int]) -> Iterator[tuple[str, int, str, str]]:
        """Iterate over the sources of results: their counts, and the median and longest delay after completion."""
        for source, count in by_source.items():
            delays = sorted(self._delays[source])
            half, most = (_write(delays[len(delays) // 2]), _write(delays[-1])) if delays else ("", "")
            yield f"by {source}", count, half, most

    def survived(self) -> Iterator[tuple[str, int]]:
        """Iterate over the faults that were survived."""
        yield from sorted(self._survived.items(), key=lambda item: -item[1])


def _error_summary(error: Exception) -> str:
    match error:
        case ApiError():
            return f"answered with {error.status}"
        case TransportError():
            return "whose connection broke"
        case DownloadError():
            return "that was cut"
        case _:
            return "whose answer was not readable"


def _write(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
