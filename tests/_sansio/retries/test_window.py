"""Limiting: the window grows while it is used and shrinks once per congestion."""

from hypothesis import given, strategies as st

from craftkit_async._sansio.retries.window import Window

_STEPS = st.lists(
    st.tuples(st.just("succeeded"), st.integers(0, 400)) | st.tuples(st.just("congested"), st.integers(-3, 60)),
    max_size=100,
)


@given(st.integers(1, 300), st.integers(1, 300), _STEPS)
def test_the_window_stays_within_its_bounds(first: int, most: int, steps: list[tuple[str, int]]) -> None:
    """Never below its floor, never above its bound, and never without a place."""
    window = Window(first, most)
    for name, number in steps:
        getattr(window, name)(number)

        assert 1 <= window.floor <= window.size <= most
        assert window.slots == int(window.size)


@given(st.integers(1, 300), st.integers(1, 300))
def test_it_begins_as_told(first: int, most: int) -> None:
    """It starts with `first` places, or fewer where fewer are allowed."""
    window = Window(first, most)

    assert window.slots == min(first, most)
    assert window.floor == min(4, first, most)


def test_it_grows_by_one_for_each_windowful() -> None:
    """As many successes as there are places bring about one place more, once the service has said where it stops."""
    window = Window(20, 256)
    window.congested(0)
    for _ in range(18):
        window.succeeded(window.slots)

    assert window.slots == 18


def test_it_doubles_until_the_first_congestion() -> None:
    """As many successes as there are places bring about as many more: nobody has said yet that it is too much."""
    window = Window(16, 256)
    for _ in range(16):
        window.succeeded(window.slots)

    assert window.slots == 32


def test_it_grows_only_while_it_is_in_use() -> None:
    """Successes of a client that asks for less than it may say nothing about more."""
    window = Window(16, 256)
    window.succeeded(15)

    assert window.size == 16

    window.succeeded(16)
    assert window.size > 16


def test_it_stops_at_its_bound() -> None:
    """The last step does not overshoot."""
    window = Window(16, 17)
    for _ in range(100):
        window.succeeded(100)

    assert window.size == 17


def test_it_shrinks_once_per_epoch() -> None:
    """Of all that were in flight at a congestion, only the first to say so shrinks the window."""
    window = Window(100, 256)
    for _ in range(100):
        window.congested(0)

    assert (window.size, window.epoch) == (85.0, 1)

    window.congested(1)
    assert (window.size, window.epoch) == (72.25, 2)


def test_it_shrinks_down_to_its_floor() -> None:
    """However long the service is congested, a few requests keep trying."""
    window = Window(16, 256)
    for epoch in range(50):
        window.congested(epoch)

    assert window.slots == 4
