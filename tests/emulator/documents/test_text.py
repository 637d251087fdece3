"""Text made fit to print."""

from typing import Any

from hypothesis import given, strategies as st

from craftkit_async.emulator.documents.text import PARAGRAPH, clean, is_right_to_left, measure, typeset


def join(described: Any) -> str:
    """Put a described text together again, without the line ends between its paragraphs."""
    if isinstance(described, str):
        return described
    return "".join("".join(portions) for portions in described["paragraphs"])


def test_line_ends_have_one_form() -> None:
    assert clean("a\r\nb\rc\x85d\u2028e\u2029f\x0bg\x0ch") == "a\nb\nc\nd\ne\nf\ng\nh"


def test_nothing_undrawable_is_left() -> None:
    """Controls, lone surrogates and code points without meaning each leave a visible mark."""
    assert clean("a\x00\x1b[31m\x7f\ud800\ufffe\ufffc") == "a\ufffd\ufffd[31m\ufffd\ufffd\ufffd\ufffd"
    assert clean("a\tb") == "a    b"


def test_what_joins_letters_stays() -> None:
    """Persian and emoji need their joiners, and French its narrow spaces."""
    text = "\u0645\u06cc\u200c\u062e\u0648 12\u202f€"

    assert clean(text) == text


def test_the_first_strong_letter_gives_the_direction() -> None:
    assert is_right_to_left("(123) שלום abc")
    assert is_right_to_left("مرحبا")
    assert not is_right_to_left("abc שלום")
    assert not is_right_to_left("Ελληνικά")
    assert not is_right_to_left("漢 123")
    assert not is_right_to_left("123 - ")
    assert not is_right_to_left("")


def test_a_text_that_fits_stays_plain() -> None:
    assert typeset("plain words", 30) == "plain words"
    assert typeset("many plain words that wrap by themselves", 12) == "many plain words that wrap by themselves"


def test_a_wide_word_is_cut_into_portions_narrower_than_the_line() -> None:
    """Between portions a line may end; all of them together are the word."""
    described = typeset("before " + "x" * 200 + " after", 20)

    portions = described["paragraphs"][0]
    assert len(portions) > 10
    assert "".join(portions) == "before " + "x" * 200 + " after"
    assert all(measure(part) <= 20 for portion in portions for part in portion.split())


def test_addresses_are_cut_behind_their_marks() -> None:
    portions = typeset("https://example.com/orders/2026-0147", 12)["paragraphs"][0]

    assert any(portion.endswith("/") for portion in portions)


def test_a_letter_keeps_its_accents() -> None:
    """No cut falls between a letter and what combines with it."""
    portions = typeset("e\u0301" * 100, 6)["paragraphs"][0]

    assert all(portion[0] == "e" for portion in portions)


def test_right_to_left_text_says_so() -> None:
    assert typeset("שלום", 30) == {"paragraphs": [["שלום"]], "rtl": True}


def test_long_texts_are_set_in_portions() -> None:
    """Setting one paragraph takes time by the square of its length."""
    words = typeset("word " * 10_000, 40)["paragraphs"]
    lines = typeset("line\n" * 10_000, 40)["paragraphs"]
    letters = typeset("x" * 50_000, 40)["paragraphs"]

    assert all(len("".join(portions)) <= PARAGRAPH for portions in [*words, *lines, *letters])
    assert all("".join(portions).endswith(" ") for portions in words[:-1])
    assert all("".join(portions).endswith("line") for portions in lines[:-1])


@given(st.text(), st.floats(min_value=0.1, max_value=80))
def test_no_letter_is_lost(text: str, width: float) -> None:
    """Whatever is cut can be put together again, and can be sent as UTF-8."""
    described = typeset(text, width)

    assert join(described) == clean(text)
    assert join(described).encode("utf-8").decode() == clean(text)
