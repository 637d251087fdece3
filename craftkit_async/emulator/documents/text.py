"""Text: replace unprintable characters, detect the direction, and make words breakable that exceed their area."""

import re
import unicodedata
from typing import Any

# Replaces characters that cannot be drawn: controls, lone surrogates, noncharacters.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufff9-\ufffc\ufffe\uffff]")
LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
TAB = " " * 4
# Typesetting a paragraph takes time quadratic in its length: a megabyte takes a minute whole, seconds in these parts.
PARAGRAPH = 8_000
# How far to search for the first character with a strong direction.
SEARCHED = 500
# A word is cut into portions of a sixth of the line, so that at most a sixth of a line remains empty.
PORTIONS = 6
# The preferred break positions: after punctuation inside URLs, paths and codes.
AFTER_MARK = re.compile(r"(?<=[/\\\-_.@?&=+,;:#|])")

_NARROW, _WIDE = set("iIjltfr|!.,:;'`()[]/ "), set("mwMW@%")


def clean(text: str) -> str:
    """Normalise line endings and replace characters that cannot be drawn."""
    if text.isprintable():
        return text
    return UNPRINTABLE.sub(REPLACEMENT, LINE_END.sub("\n", text).replace("\t", TAB))


def is_right_to_left(text: str) -> bool:
    """Return whether the first character with a strong direction is right-to-left."""
    if text.isascii():
        return False
    directions = (unicodedata.bidirectional(letter) for letter in text[:SEARCHED])
    return next((direction != "L" for direction in directions if direction in {"L", "R", "AL"}), False)


def measure(text: str) -> float:
    """Estimate a width in ems, rather too wide than too narrow."""
    if text.isascii() and text.islower() and text.isalpha():
        return 0.58 * len(text)
    return sum(map(_measure_letter, text))


def _measure_letter(letter: str) -> float:
    if letter in _NARROW:
        return 0.38
    if letter in _WIDE:
        return 0.95
    if letter > "\u1100" and unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    return 0.7 if letter.isupper() or letter > "\u0500" else 0.6


def typeset(text: str, width: float) -> Any:
    """Describe a text for the typesetter, for an area `width` ems wide: plain, or in paragraphs of portions."""
    text = clean(text)
    right_to_left = is_right_to_left(text)
    if len(text) < PARAGRAPH and len(text) <= width and not right_to_left:  # no letter is wider than an em
        return text
    paragraphs = [_portion(part, width) for part in _split_paragraphs(text)]
    if not right_to_left and len(paragraphs) == 1 and len(paragraphs[0]) == 1:
        return text
    return {"paragraphs": paragraphs, "rtl": right_to_left}


def _split_paragraphs(text: str) -> list[str]:
    """Split a long text, at a line ending or a space if there is one."""
    parts = []
    while len(text) > PARAGRAPH:
        cut = max(text.rfind("\n", 1, PARAGRAPH), text.rfind(" ", PARAGRAPH // 2, PARAGRAPH)) + 1 or PARAGRAPH
        parts.append(text[:cut].rstrip("\n"))
        text = text[cut:]
    return [*parts, text]


def _portion(text: str, width: float) -> list[str]:
    """Cut words that do not fit on a line into portions between which the line may break."""
    if not any(len(word) > width / 2 and measure(word) > width for word in text.split()):
        return [text]
    portions = [""]
    for word in re.split(r"(\s+)", text):
        cuts = _cut(word, width) if measure(word) > width and not word.isspace() else [word]
        portions[-1] += cuts[0]
        portions += cuts[1:]
    return portions


def _cut(word: str, width: float) -> list[str]:
    """Cut one word, preferably after punctuation, never between a letter and its combining marks."""
    step = max(1, int(width / PORTIONS / (measure(word) / len(word))))
    cuts: list[str] = []
    for part in AFTER_MARK.split(word):
        start = 0
        while start < len(part):
            end = start + step
            while end < len(part) and unicodedata.category(part[end])[0] == "M":
                end += 1
            cuts.append(part[start:end])
            start = end
    return cuts
