"""The mailbox: what overtakes its 202 is kept while a submit may ask for it, and no longer."""

from typing import Any

from hypothesis import given, strategies as st

from craftkit_async import Render
from craftkit_async._sansio.webhooks.mailbox import Mailbox


def _end(number: object) -> Render:
    return Render(f"r{number}", "succeeded")


def _put(mailbox: Mailbox, number: int, now: float = 0.0) -> bool:
    return mailbox.put("p", _end(number), "webhook", now)


def test_kept_for_a_submit_that_began_before() -> None:
    """The answer that names the id gets what came for it, once."""
    mailbox = Mailbox(9, 60.0)
    submit = mailbox.begin("p")

    assert _put(mailbox, 1)
    assert len(mailbox) == 1
    assert mailbox.take("p", "r2") is None
    assert mailbox.take("p", "r1") == (_end(1), "webhook")
    assert mailbox.take("p", "r1") is None
    mailbox.end("p", submit)


def test_not_kept_where_no_submit_is_under_way() -> None:
    """Nobody could ask for it."""
    mailbox = Mailbox(9, 60.0)
    assert not _put(mailbox, 1)
    mailbox.end("p", mailbox.begin("p"))

    assert not _put(mailbox, 1)
    assert len(mailbox) == 0


def test_thrown_away_with_the_last_submit_from_before() -> None:
    """A submit that began after a letter came cannot be the one that it belongs to."""
    mailbox = Mailbox(9, 60.0)
    first = mailbox.begin("p")
    _put(mailbox, 1)
    second = mailbox.begin("p")
    _put(mailbox, 2)
    mailbox.end("p", first)

    assert mailbox.take("p", "r1") is None
    assert len(mailbox) == 1
    mailbox.end("p", second)
    assert len(mailbox) == 0


def test_bounded_by_count() -> None:
    """The oldest makes room; what comes again is new again."""
    mailbox = Mailbox(2, 60.0)
    mailbox.begin("p")
    for number in (1, 2, 1, 3):
        _put(mailbox, number)

    assert mailbox.take("p", "r2") is None
    assert mailbox.take("p", "r1") is not None
    assert mailbox.take("p", "r3") is not None


def test_bounded_by_age() -> None:
    """What is too old is thrown away when something comes."""
    mailbox = Mailbox(9, 60.0)
    mailbox.begin("p")
    _put(mailbox, 1, 0.0)
    _put(mailbox, 2, 1.0)
    _put(mailbox, 3, 60.5)

    assert mailbox.take("p", "r1") is None
    assert mailbox.take("p", "r2") is not None


def test_projects_are_kept_apart() -> None:
    """A delivery of one project neither waits for a submit of another nor is handed to it."""
    mailbox = Mailbox(9, 60.0)
    submit = mailbox.begin("p")

    assert not mailbox.put("q", _end(1), "webhook", 0.0)
    other = mailbox.begin("q")
    assert mailbox.put("q", _end(1), "webhook", 0.0)
    assert mailbox.take("p", "r1") is None
    mailbox.end("p", submit)
    assert mailbox.take("q", "r1") is not None
    mailbox.end("q", other)
    assert not mailbox.boxes


def test_the_bound_counts_all_projects_together() -> None:
    """The oldest delivery of all makes room."""
    mailbox = Mailbox(2, 60.0)
    for project in "pqr":
        mailbox.begin(project)
        mailbox.put(project, _end(1), "webhook", 0.0)

    assert len(mailbox) == 2
    assert mailbox.take("p", "r1") is None
    assert mailbox.take("r", "r1") is not None


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "end", "put", "take"]), st.integers(0, 4), st.floats(0, 40)), max_size=60
)


@given(STEPS, st.integers(1, 3))
def test_as_a_list_would_do_it(steps: list[Any], most: int) -> None:
    """Kept is what came after some submit that is open now, at most so many, none older than a minute at the latest."""
    mailbox = Mailbox(most, 60.0)
    open_: dict[int, int] = {}
    letters: list[tuple[int, float, str]] = []
    now = 0.0
    for moment, (what, number, later) in enumerate(steps):
        now += later
        if what == "begin":
            open_[mailbox.begin("p")] = moment
        elif what == "end" and open_:
            submit = sorted(open_)[number % len(open_)]
            del open_[submit]
            mailbox.end("p", submit)
            oldest = min(open_.values(), default=moment)
            letters = [letter for letter in letters if letter[0] > oldest]
        elif what == "put":
            assert _put(mailbox, number, now) == bool(open_)
            if open_:
                others = [letter for letter in letters if letter[2] != f"r{number}"]
                letters = [letter for letter in (*others, (moment, now, f"r{number}")) if letter[1] >= now - 60.0]
                letters = letters[-most:]
        elif what == "take":
            expected = any(letter[2] == f"r{number}" for letter in letters)
            assert (mailbox.take("p", f"r{number}") is not None) == expected
            letters = [letter for letter in letters if letter[2] != f"r{number}"]
        assert len(mailbox) == len(letters)
