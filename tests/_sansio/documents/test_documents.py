"""Documents: where a PDF is fetched from, and whether what arrives is one."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, strategies as st

from craftkit_async import ConfigurationError, DownloadError, Render
from craftkit_async._sansio.calls.call import Credential
from craftkit_async._sansio.documents.addresses import read_base_url
from craftkit_async._sansio.documents.documents import (
    Inspection,
    fetch_call,
    inspect,
    next_address,
    outside_address,
    read_target,
)

PDF = b"%PDF-1.7 content"
BASE = read_base_url("https://api.example.com/p")


@pytest.mark.parametrize(
    "what",
    [
        "r1",
        Render("r1"),
        SimpleNamespace(id="r1", snapshot=None),
        SimpleNamespace(id="r1"),
        SimpleNamespace(snapshot=Render("r1")),
    ],
)
def test_targets(what: object) -> None:
    """An id, a render or a handle will do; of a handle, what it last saw is used."""
    assert read_target(what) == Render("r1")


@pytest.mark.parametrize("what", [None, 7, b"r1", SimpleNamespace(id=7)])
def test_other_targets_are_refused(what: object) -> None:
    """Anything else is refused before any request."""
    with pytest.raises(ConfigurationError, match="a render id, a Render or a handle, not a"):
        read_target(what)


@pytest.mark.parametrize(
    ("url", "outside"),
    [
        (None, None),
        ("https://api.example.com/v1/renders/r1/download", None),
        ("https://cdn.example.com/a.pdf", "https://cdn.example.com/a.pdf"),
        ("https://[broken", "https://[broken"),
    ],
)
def test_documents_outside(url: str | None, outside: str | None) -> None:
    """No address, or one of the API's own route, is fetched by id; a broken one is refused later, not here."""
    assert outside_address(Render("r1", download_url=url)) == outside


def test_the_key_goes_to_the_own_origin_and_prefix() -> None:
    """Inside origin and prefix the path alone is asked for, with the key; the prefix is not doubled."""
    call = fetch_call("https://api.example.com/p/files/a%20b?sig=1#page=2", BASE)

    assert call.operation.credential is Credential.PROJECT
    assert call.path == "/files/a%20b?sig=1"
    assert call.shown_path == "…"


@pytest.mark.parametrize("url", ["https://cdn.example.com/a?sig=1", "https://api.example.com/other/a"])
def test_other_places_see_no_key(url: str) -> None:
    """Everywhere else the whole address is fetched, without a key, and shown nowhere."""
    call = fetch_call(url, BASE)

    assert call.operation.credential is Credential.NONE
    assert call.path == url
    assert call.shown_path == "…"
    assert url not in repr(call)


@pytest.mark.parametrize(
    "url", ["http://cdn.example.com/a", "https://10.0.0.1/a", "https://[broken", "https://a b/", ""]
)
def test_refused_places(url: str) -> None:
    """What is no public https address is refused with an error of ours."""
    with pytest.raises(DownloadError, match="refused"):
        fetch_call(url, BASE)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://b.example/x", "https://b.example/x"),
        ("/x", "https://a.example/x"),
        ("x?y=1", "https://a.example/d/x?y=1"),
        ("//b.example/x", "https://b.example/x"),
        ("file:///etc/passwd", "file:///etc/passwd"),
    ],
)
def test_redirects_lead_on(location: str, url: str) -> None:
    """A redirect may be relative; where it leads is checked as any address is."""
    assert next_address("https://a.example/d/e", {"location": location}) == url


@pytest.mark.parametrize("headers", [{}, {"location": ""}, {"location": "https://[x"}])
def test_redirects_into_nowhere(headers: dict[str, str]) -> None:
    """A redirect without an address, or with a broken one, is a failed download."""
    with pytest.raises(DownloadError, match="was redirected"):
        next_address("https://a.example/d/e", headers)


@given(st.lists(st.integers(0, len(PDF))))
def test_a_document_may_come_in_any_pieces(cuts: list[int]) -> None:
    """However the bytes are split, a PDF is recognised, and its length adds up."""
    inspection = Inspection(len(PDF), len(PDF))
    edges = [0, *sorted(cuts), len(PDF)]
    for start, end in pairwise(edges):
        inspection.see(PDF[start:end])
    inspection.finish()

    assert inspection.received == len(PDF)


@given(st.binary(max_size=8), st.integers(1, 5))
def test_what_is_no_pdf_is_refused(body: bytes, size: int) -> None:
    """The first bytes decide, at the first piece in which they differ, or at the end where too few came."""
    inspection = Inspection(100, None)

    def watch() -> None:
        for start in range(0, len(body), size):
            inspection.see(body[start : start + size])
        inspection.finish()

    assume(not body.startswith(b"%PDF-"))

    with pytest.raises(DownloadError, match="not a PDF"):
        watch()


@pytest.mark.parametrize("page", [b"<", b"<html>", b"%PD<", b"\x00%PDF-"])
def test_other_first_bytes_end_it_at_once(page: bytes) -> None:
    """A page of HTML is refused before the rest of it comes."""
    with pytest.raises(DownloadError, match="not a PDF"):
        Inspection(100, None).see(page)


@pytest.mark.parametrize("announced", [len(PDF) - 1, len(PDF) + 1])
def test_lengths_are_compared(announced: int) -> None:
    """Fewer or more bytes than announced is a cut document, which another attempt may bring whole."""
    inspection = Inspection(100, announced)
    inspection.see(PDF)

    with pytest.raises(DownloadError, match=f"cut: {len(PDF)} of {announced} bytes came") as caught:
        inspection.finish()

    assert caught.value.is_transient


def test_an_empty_body_is_no_document() -> None:
    """Nothing at all is no PDF, whether it was announced or not."""
    for announced in (0, None):
        with pytest.raises(DownloadError, match="not a PDF"):
            Inspection(100, announced).finish()


def test_the_cap_holds_while_bytes_come() -> None:
    """The byte after the last one allowed ends the download, and the sentence says what allows more."""
    inspection = Inspection(len(PDF), None)
    inspection.see(PDF)

    with pytest.raises(DownloadError, match="larger than 16 bytes; max_bytes or Limits"):
        inspection.see(b"!")


def test_the_cap_holds_for_what_is_announced() -> None:
    """A document that is announced as too large is refused before its first byte."""
    assert inspect({"content-length": "16"}, 16).announced == 16
    with pytest.raises(DownloadError, match="has 17 bytes, more than 16; max_bytes"):
        inspect({"content-length": "17"}, 16)


@pytest.mark.parametrize("text", ["", "x", "-1", "+5", "1.5", "٣", " 5", "9" * 5000])
def test_unreadable_lengths_count_as_none(text: str) -> None:
    """What is no length is not compared, and raises nothing; the cap still holds."""
    assert inspect({"content-length": text}, 16).announced is None


@pytest.mark.parametrize(("encoding", "announced"), [("identity", 5), ("gzip", None)])
def test_the_length_of_an_encoded_body_says_nothing(encoding: str, announced: int | None) -> None:
    """A compressed body has another length than its document."""
    assert inspect({"content-length": "5", "content-encoding": encoding}, 16).announced == announced
