"""Multipart: one file as a form that other parsers read."""

from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given, strategies as st

from craftkit_async import ConfigurationError
from craftkit_async._sansio.calls.multipart import encode_file


def parts_of(body: bytes, content_type: str) -> list[Message]:
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    return [part for part in message.walk() if not part.is_multipart()]


def test_a_file_is_one_part() -> None:
    """The form holds one part with the name, the file's name, its type and its bytes."""
    body, content_type = encode_file("file", b"\x89PNG", "logo.png", "image/png")
    (part,) = parts_of(body, content_type)

    assert part.get_content_type() == "image/png"
    assert part.get_filename() == "logo.png"
    assert part.get_param("name", header="content-disposition") == "file"
    assert b'Content-Disposition: form-data; name="file"; filename="logo.png"\r\n' in body


@given(st.binary())
def test_any_content_stays_itself(content: bytes) -> None:
    """The boundary is never in the content, and no byte is added or lost."""
    body, content_type = encode_file("file", content, "a", "image/png")
    boundary = content_type.removeprefix("multipart/form-data; boundary=").encode()
    _, _, rest = body.partition(b"\r\n\r\n")

    assert boundary not in content
    assert len(boundary) <= 70
    assert rest == content + b"\r\n--" + boundary + b"--\r\n"


def test_the_same_file_gives_the_same_bytes() -> None:
    """Nothing in the form is left to chance."""
    assert encode_file("file", b"x", "a", "image/png") == encode_file("file", b"x", "a", "image/png")


def test_quotes_cannot_leave_the_name() -> None:
    """A quotation mark in a name of a file does not end it."""
    body, _ = encode_file("file", b"", 'a"; name="other', "image/png")

    assert b'filename="a%22; name=%22other"' in body


@pytest.mark.parametrize("bad", ["", "a\rb", "a\nb", "a\0b", "a\r\nX: 1", "\ud800"])
def test_lines_that_are_none_are_refused(bad: str) -> None:
    """A line break would begin another header; half a character has no bytes."""
    for filename, content_type in ((bad, "image/png"), ("a", bad)):
        with pytest.raises(ConfigurationError, match="one line of text each"):
            encode_file("file", b"", filename, content_type)
