"""Credentials: which kind of key belongs to which client, by its prefix alone."""

from typing import NamedTuple

from craftkit_async.errors import ConfigurationError


class KeyKind(NamedTuple):
    """One kind of key."""

    client: str
    """The class that takes it."""
    noun: str
    variable: str
    """The environment variable that is read when no key is passed."""
    refused: tuple[str, ...]
    """Prefixes of other kinds; any other prefix may be a new one and passes."""


PROJECT = KeyKind("Craftkit", "a project key (ck_live_… or ck_test_…)", "CRAFTKIT_API_KEY", ("ck_acct_", "ck_pk_"))
ACCOUNT = KeyKind(
    "CraftkitAccount", "an account key (ck_acct_…)", "CRAFTKIT_ACCOUNT_KEY", ("ck_live_", "ck_test_", "ck_pk_")
)
ADMIN = KeyKind("CraftkitAdmin", "the admin key", "CRAFTKIT_ADMIN_KEY", ("ck_live_", "ck_test_", "ck_acct_", "ck_pk_"))


def check_key(kind: KeyKind, key: object) -> str:
    """Return a key without the blanks around it, or refuse one that cannot work, without showing it."""
    stripped = key.strip() if isinstance(key, str) else ""
    problem = _problem_of(kind, key)
    if problem is None:
        return stripped
    # Error trackers show the local variables of the frames of a traceback.
    del key, stripped
    raise ConfigurationError(problem)


def _problem_of(kind: KeyKind, key: object) -> str | None:
    if not isinstance(key, str):
        return f"api_key takes text, or a function that returns it, not a {type(key).__name__}"
    key = key.strip()
    if not key:
        return f"api_key is empty; pass {kind.noun}, or leave it out to use {kind.variable}"
    if not all("!" <= character <= "~" for character in key):
        return "api_key holds a blank or a character that no header can carry; copy it again"
    refused = next((prefix for prefix in kind.refused if key.startswith(prefix)), None)
    return None if refused is None else f"api_key is a {refused}… key, and {kind.client} takes {kind.noun}"


def missing_key(kind: KeyKind) -> ConfigurationError:
    """Say that a call needs a key."""
    return ConfigurationError(f"this call needs {kind.noun}; pass it as api_key, or set {kind.variable}")
