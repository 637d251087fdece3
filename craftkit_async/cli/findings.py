"""Findings: how `doctor` judges what it has seen; every judgement is a function of values."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import attrs

from craftkit_async._sansio.calls.credentials import PROJECT, check_key
from craftkit_async._sansio.documents.addresses import read_base_url
from craftkit_async.errors import (
    AuthenticationError,
    ConfigurationError,
    CraftkitError,
    DownloadError,
    ForbiddenError,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
    TransportError,
)
from craftkit_async.models.health import Health

OK: Final = "ok"
PROBLEM: Final = "problem"
SKIPPED: Final = "skipped"

# The header Date has whole seconds, and five minutes are what those who check timestamps of webhooks mostly allow.
_MOST_SKEW: Final = 30.0

_AS_IT_SHOULD_BE: Final = (200, 401)

_KEY_NAMES: Final = {"ck_test_": "a test key", "ck_live_": "a live key"}

_FROM_THE_DASHBOARD: Final = f"copy {PROJECT.noun} from the dashboard into {PROJECT.variable}"

_ADVICE: Final[tuple[tuple[type[CraftkitError], str], ...]] = (
    (TransportError, "check the network, a proxy, and CRAFTKIT_BASE_URL"),
    (AuthenticationError, f"the key is unknown or revoked: {_FROM_THE_DASHBOARD}"),
    (PaymentRequiredError, "there is no credit left: buy some in the dashboard"),
    (ForbiddenError, "the key may not do this: use one of the project that may"),
    (NotFoundError, "check the name, and that the key belongs to the same project"),
    (RateLimitedError, "wait a moment, and run this again"),
    (DownloadError, "if storage is on your own network, say --private-network; else ask who runs the service"),
    (CraftkitError, "run this again; if it stays so, ask who runs the service, with this line"),
)


@attrs.frozen
class Finding:
    """One check: its state, what was seen, and what to do about it."""

    check: str
    state: str
    seen: str
    advice: str = ""

    def to_json(self) -> Mapping[str, Any]:
        """Write it for programs."""
        return {"check": self.check, "state": self.state, "seen": self.seen, "advice": self.advice}


def from_error(check: str, error: CraftkitError) -> Finding:
    """Say what to do about an error."""
    advice = next(advice for kind, advice in _ADVICE if isinstance(error, kind))
    return Finding(check, PROBLEM, str(error), advice)


def judge_key(key: str | None) -> Finding:
    """Check the form of the key, and say only its kind."""
    if not key:
        return Finding("key", PROBLEM, f"{PROJECT.variable} is not set", _FROM_THE_DASHBOARD)
    try:
        checked = check_key(PROJECT, key)
    except ConfigurationError as error:
        return Finding("key", PROBLEM, str(error), _FROM_THE_DASHBOARD)
    kind = next((name for prefix, name in _KEY_NAMES.items() if checked.startswith(prefix)), "a key of an unknown kind")
    return Finding("key", OK, kind)


def judge_address(address: str, *, private_network: bool) -> Finding:
    """Check the form of the service's address."""
    try:
        return Finding("address", OK, read_base_url(address, private_network=private_network).text)
    except ConfigurationError as error:
        return Finding("address", PROBLEM, str(error), "set CRAFTKIT_BASE_URL, or leave it out for the public service")


def judge_health(health: Health) -> Finding:
    """Believe what the service says of itself."""
    if health.is_ok:
        return Finding("health", OK, f"version {health.version}")
    return Finding("health", PROBLEM, f"the service says {health.status}", "wait until it is well again")


def judge_skew(date: str | None, before: float, after: float) -> Finding:
    """Compare the clock here, before and after a request, with the reply's Date."""
    try:
        there = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("clock", SKIPPED, "the reply has no date", "")
    # Whole seconds there: anything up to one second later is the same.
    skew = max(before - (there + 1.0), there - after, 0.0)
    if skew <= _MOST_SKEW:
        return Finding("clock", OK, f"within {max(skew, 1.0):.0f} s of the service's")
    direction = "ahead of" if before > there else "behind"
    return Finding("clock", PROBLEM, f"{skew:.0f} s {direction} the service's", "set this machine's clock: use NTP")


def judge_round_trip(signed: int, forged: int) -> Finding:
    """Compare how a signed delivery of our own was answered with how a changed one was."""
    seen = f"a signed delivery is answered with {signed}, a forged one with {forged}"
    if (signed, forged) == _AS_IT_SHOULD_BE:
        return Finding("webhooks", OK, seen)
    return Finding("webhooks", PROBLEM, seen, "copy the secret of the subscription from the dashboard again")
