"""The paper."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async.emulator.documents.pages import MILLIMETRE, choose_paper


def test_a4_portrait_is_the_default() -> None:
    for config in (None, {}, "A5", {"format": "quarto", "margin": "auto"}):
        paper = choose_paper(config)

        assert (round(paper.width), round(paper.height)) == (595, 842)
        assert {round(side / MILLIMETRE) for side in (paper.top, paper.right, paper.bottom, paper.left)} == {20}


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({"format": "Letter"}, (612, 792)),
        ({"format": "legal"}, (612, 1008)),
        ({"format": "a5", "orientation": "portrait"}, (420, 595)),
        ({"orientation": "Landscape"}, (842, 595)),
    ],
)
def test_format_and_orientation_are_honoured(config: dict[str, Any], size: tuple[int, int]) -> None:
    paper = choose_paper(config)

    assert (round(paper.width), round(paper.height)) == size


@pytest.mark.parametrize(
    ("margin", "sides"),
    [
        ("25.4mm", (72, 72, 72, 72)),
        ("1in 2cm", (72, 57, 72, 57)),
        ("60pt 50pt 40pt", (60, 50, 40, 50)),
        ("60pt 50pt 40pt 30pt", (60, 50, 40, 30)),
        (96, (72, 72, 72, 72)),
        ("96px", (72, 72, 72, 72)),
        ({"top": "60pt", "left": 40}, (60, 57, 57, 30)),
    ],
)
def test_margins_are_read_as_css_does(margin: Any, sides: tuple[int, ...]) -> None:
    paper = choose_paper({"margin": margin})

    assert (round(paper.top), round(paper.right), round(paper.bottom), round(paper.left)) == sides


def test_the_page_number_keeps_its_place() -> None:
    """Without a margin the text reaches the edges, except below, where the page number stands."""
    paper = choose_paper({"margin": "0"})

    assert (paper.top, paper.left, round(paper.bottom / MILLIMETRE)) == (0, 0, 12)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=3)))
def test_there_is_always_room_for_text(margin: Any) -> None:
    """No configuration can leave a page without room."""
    paper = choose_paper({"format": "A6", "margin": margin})

    assert paper.flow > 50
    assert paper.height - paper.top - paper.bottom > 50


def test_giant_margins_are_limited() -> None:
    assert choose_paper({"margin": "5000mm"}).flow > 100
