"""Where keys find their values."""

from typing import Any

from craftkit_async.emulator.documents import choose_pipeline, image_urls
from craftkit_async.emulator.documents.binding import find_rows, find_value, list_fields
from craftkit_async.emulator.documents.images import detect_format, read_inline
from tests.support.pictures import INLINE, PIXEL


def test_a_dot_in_a_variable_is_a_path() -> None:
    assert find_value({"customer": {"name": "Ada"}}, "customer.name") == "Ada"
    assert find_value({"customer.name": "Ada"}, "customer.name") is None
    assert find_value({"customer": "Ada"}, "customer.name") is None


def test_a_dot_in_a_loop_is_literal() -> None:
    """A dotted loop binds at the literal key only."""
    assert find_rows({"handover.areas": [{"a": 1}, "no row"]}, "handover.areas") == [{"a": 1}]
    assert find_rows({"handover": {"areas": [{"a": 1}]}}, "handover.areas") == []


def test_definitions_without_a_key_are_left_out() -> None:
    assert list_fields({"variables": [{"key": "a"}, {}, None, {"key": 3}]}) == [{"key": "a"}]
    assert list_fields({"variables": None}) == []
    assert list_fields({}, "loops") == []


def test_the_addresses_to_fetch_are_listed_once() -> None:
    """Variables first, then rows; inline pictures and missing ones need no fetching."""
    manifest: dict[str, Any] = {
        "variables": [
            {"key": "logo", "dataType": "image"},
            {"key": "a.photo", "dataType": "image"},
            {"key": "stamp", "dataType": "text"},
            {"key": "site", "dataType": "url"},
            {"key": "missing", "dataType": "image"},
        ],
        "loops": [{"key": "rows", "itemFields": [{"key": "picture", "dataType": "image"}, {"key": "note"}]}],
    }
    data = {
        "logo": "https://x.example/logo.png",
        "a": {"photo": "http://x.example/photo.jpg"},
        "stamp": INLINE,
        "site": "https://x.example/",
        "rows": [{"picture": "https://x.example/1.png"}, {"picture": "https://x.example/logo.png"}, {}],
    }

    assert image_urls(manifest, data) == [
        "https://x.example/logo.png",
        "http://x.example/photo.jpg",
        "https://x.example/1.png",
    ]


def test_pictures_are_known_by_their_first_bytes() -> None:
    assert detect_format(PIXEL) == "png"
    assert detect_format(b"\xff\xd8\xff\xe0") == "jpg"
    assert detect_format(b"GIF89a" + b"\x10\0\x10\0") == "gif"
    assert detect_format(b"RIFF\0\0\0\0WEBP") == "webp"
    assert detect_format(b'<svg xmlns="http://www.w3.org/2000/svg"/>') is None
    assert detect_format(b"<html>an error page</html>") is None
    assert detect_format(b"%PDF-1.7") is None
    assert detect_format(b"") is None


def test_pictures_that_would_fill_the_memory_are_refused() -> None:
    """A hundred kilobytes can hold 900 million pixels of one colour."""
    assert detect_format(PIXEL[:16] + (30_000).to_bytes(4, "big") * 2) is None
    assert detect_format(b"GIF89a\xff\xff\xff\xff") is None
    assert detect_format(PIXEL[:10]) is None


def test_inline_pictures_are_decoded_or_left() -> None:
    assert read_inline(INLINE) == PIXEL
    assert read_inline("data:image/png;base64,%%%") is None
    assert read_inline("data:image/png;base64,é") is None
    assert read_inline("https://x.example/logo.png") is None


def test_the_pipeline_follows_the_content() -> None:
    """Overlays first, then anything with pages, else the canvas."""
    assert choose_pipeline({"pages": []}, "pdf-overlay") == "overlay"
    assert choose_pipeline({"pages": []}, "document") == "document"
    assert choose_pipeline({"blocks": []}) == "canvas"
    assert choose_pipeline(None) == "canvas"
