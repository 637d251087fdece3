"""Addresses: which base URLs are taken, whom a key is sent to, and which places are open to downloads."""

import pytest
from hypothesis import given, strategies as st

from craftkit_async import ConfigurationError, DownloadError
from craftkit_async._sansio.documents.addresses import (
    PRODUCTION,
    check_document_address,
    is_loopback,
    is_public,
    read_base_url,
    render_id_of,
)


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        (PRODUCTION, "https://api.craftkit.dev"),
        ("https://api.craftkit.dev/", "https://api.craftkit.dev"),
        (" https://api.craftkit.dev// ", "https://api.craftkit.dev"),
        ("https://example.com/craftkit/", "https://example.com/craftkit"),
        ("https://example.com/a/v1x", "https://example.com/a/v1x"),
        ("HTTPS://Example.com", "https://Example.com"),
        ("https://example.com:8443", "https://example.com:8443"),
        ("https://[2001:db8::1]:8443/p", "https://[2001:db8::1]:8443/p"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://LOCALHOST.", "http://LOCALHOST."),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.8.9.10:80", "http://127.8.9.10:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_base_urls_are_taken(given_text: str, text: str) -> None:
    """A prefix is kept, slashes at the end are not; http is fine on the machine itself."""
    assert read_base_url(given_text).text == text


REFUSED = [
    ("", "base_url takes an address like https://api.craftkit.dev, not ''"),
    ("api.craftkit.dev", "base_url takes an address like https://api.craftkit.dev, not 'api.craftkit.dev'"),
    ("ftp://example.com", "takes an address like"),
    ("https://", "takes an address like"),
    ("https:///v2", "takes an address like"),
    ("https://example.com:port", "takes an address like"),
    ("https://example.com:99999", "takes an address like"),
    ("https://[::1", "takes an address like"),
    ("https://exa mple.com", "takes an address like"),
    ("https://exam\nple.com", "takes an address like"),
    ("https://example.com\\@other.com", "takes an address like"),
    ("https://example.com/\ud800", "takes an address like"),
    ("https://me:secret@example.com", "must not carry a user name or password; pass the key as api_key"),
    ("https://secret@example.com", "must not carry a user name or password"),
    ("https://example.com?token=secret", "takes no query and no fragment; pass 'https://example.com'"),
    ("https://example.com/a/?", "takes no query and no fragment; pass 'https://example.com/a/'"),
    ("https://example.com#secret", "takes no query and no fragment; pass 'https://example.com'"),
    ("https://api.craftkit.dev/v1", "goes without the ending /v1; pass 'https://api.craftkit.dev'"),
    ("https://example.com/p/v1/", "goes without the ending /v1; pass 'https://example.com/p'"),
    ("http://api.craftkit.dev", "would send the key unencrypted; use https, or private_network=True"),
    ("http://10.0.0.1", "would send the key unencrypted"),
    ("http://localhost.example.com", "would send the key unencrypted"),
    ("http://127.0.0.1.example.com", "would send the key unencrypted"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_base_urls_are_refused(text: str, sentence: str) -> None:
    """Each refusal is one sentence that says what to pass, without what may be secret in the address."""
    with pytest.raises(ConfigurationError) as caught:
        read_base_url(text)

    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_private_networks_allow_http() -> None:
    """Names of a docker network are welcome when the caller says so."""
    base = read_base_url("http://craftkit:3000", private_network=True)

    assert base.text == "http://craftkit:3000"
    assert base.is_lenient
    assert read_base_url("http://localhost").is_lenient
    assert not read_base_url(PRODUCTION).is_lenient


@given(st.text(st.characters()) | st.from_regex(r"https?://[^ ]{0,20}"))
def test_any_base_url_is_taken_or_refused(text: str) -> None:
    """Whatever the text, it is an address or a `ConfigurationError`."""
    try:
        base = read_base_url(text)
    except ConfigurationError:
        return

    assert not base.text.endswith("/")
    assert base.owns(f"{base.text}/v1/templates")


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("https://example.com/p/v1/renders", True),
        ("https://example.com:443/p/x", True),
        ("HTTPS://EXAMPLE.com./p/x", True),
        ("https://example.com/p/", True),
        ("https://example.com/p", False),
        ("https://example.com/P/x", False),
        ("https://example.com/prefix/x", False),
        ("https://example.com/other/p/x", False),
        ("https://example.com/p/../x", False),
        ("https://example.com/p/%2e%2E/x", False),
        ("https://example.com/p/.%2e", False),
        ("https://example.com/p/./x", False),
        ("https://example.com:8443/p/x", False),
        ("https://example.com:0/p/x", False),
        ("http://example.com/p/x", False),
        ("http://example.com:443/p/x", False),
        ("https://example.com.evil.org/p/x", False),
        ("https://evil.org/p/x", False),
        ("https://example.com@evil.org/p/x", False),
        ("https://evil.org\\@example.com/p/x", False),
        ("https://example.com:x/p/x", False),
        ("https://[example.com/p/x", False),
        ("//example.com/p/x", False),
        ("/p/x", False),
        ("", False),
    ],
)
def test_keys_go_to_the_own_origin_and_prefix_only(url: str, is_ours: bool) -> None:  # noqa: FBT001 - a column
    """Scheme, host, port and prefix must all agree, and no dot segment may lead out again."""
    assert read_base_url("https://example.com/p").owns(url) is is_ours


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("[2606:4700::1111]", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("2002:808:808::1", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing binds here
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::8.8.8.8", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:0:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::a00:1", False),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::1", False),
        ("2001:0:7f00:1::", False),
        ("2001:db8::1", False),
        ("fc00::1", False),
        ("fd12:3456::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("ff0e::1", False),
        ("100::1", False),
        ("example.com", False),
        ("127.1", False),
        ("", False),
    ],
)
def test_public_addresses(host: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Only what the Internet routes is public, also where one address is wrapped in another."""
    assert is_public(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("LocalHost.", True), ("127.0.0.1", True), ("[::1]", True), ("::1%lo", True), ("localhost.x", False), ("0.0.0.0", False), ("", False)],  # noqa: E501, S104 - a table; nothing binds here
)  # fmt: skip
def test_loopback(host: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """The machine itself, by name or by number."""
    assert is_loopback(host) is expected


STRICT, LENIENT = read_base_url(PRODUCTION), read_base_url("http://localhost:3000")


@pytest.mark.parametrize(
    "url",
    ["https://cdn.example.com/a.pdf?sig=1", "https://8.8.8.8/a", "https://[2606:4700::1111]/a", "https://7zip.dev/a"],
)
def test_public_documents_are_fetched(url: str) -> None:
    """Names, and numbers of the open Internet, pass over https."""
    check_document_address(url, STRICT)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://cdn.example.com/a", "refused to download from cdn.example.com over plain http; private_network=True"),
        ("https://localhost/secret", "refused to download from the private address localhost; private_network=True"),
        ("https://10.0.0.1/secret", "the private address 10.0.0.1"),
        ("https://169.254.169.254/secret", "the private address"),
        ("https://[::ffff:10.0.0.1]/secret", "the private address"),
        ("https://[fe80::1%25eth0]/secret", "the private address"),
        ("https://127.1/secret", "the private address 127.1"),
        ("https://2130706433/secret", "the private address"),
        ("https://0x7f.0.0.1/secret", "the private address"),
        ("https://0X7F000001./secret", "the private address"),
        ("https://017700000001/secret", "the private address"),
    ],
)
def test_private_documents_are_refused(url: str, sentence: str) -> None:
    """Private places are refused by name of the option, and without the path, unless the API is private itself."""
    with pytest.raises(DownloadError) as caught:
        check_document_address(url, STRICT)
    check_document_address(url, LENIENT)

    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.com/a",
        "data:x",
        "https://",
        "https://[::1",
        "https://a:b/",
        "https://a b/",
    ],
)
@pytest.mark.parametrize("base", [STRICT, LENIENT])
def test_what_is_no_address_is_refused(url: str, base: object) -> None:
    """Neither other schemes nor broken addresses are fetched from, wherever the API is."""
    with pytest.raises(DownloadError, match="no http or https address"):
        check_document_address(url, base)  # type: ignore[arg-type]  # both are base URLs; parametrize forgets it


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://api.craftkit.dev/v1/renders/r1/download", "r1"),
        ("https://elsewhere.example/p/v1/renders/r1/download?x=1#y", "r1"),
        ("/v1/renders/a%20b/download", "a b"),
        ("https://x/v1/renders/a/v1/renders/r2/download", "r2"),
        ("https://x/v1/renders//download", None),
        ("https://x/v1/renders/a/b/download", None),
        ("https://x/v1/embed/renders/r1/download", None),
        ("https://x/v1/renders/r1/download/", None),
        ("https://x/v1/renders/r1/downloads", None),
        ("https://x/?/v1/renders/r1/download", None),
        ("https://[x/v1/renders/r1/download", None),
        ("", None),
    ],
)
def test_the_apis_own_route_is_recognised(url: str, identity: str | None) -> None:
    """An address that ends like the API's download route names a render, whatever host it claims."""
    assert render_id_of(url) == identity
