"""The emulator's settings, validated before anything opens; an invalid value raises a one-line `SettingsError`."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

from craftkit_async.emulator.background.latency import Constant, Latency, parse_latency
from craftkit_async.emulator.dashboard import check_template, check_url
from craftkit_async.emulator.faults.grammar import Rule, parse_faults
from craftkit_async.emulator.http.contract import load_contract
from craftkit_async.emulator.http.rates import Rate, parse_rate

DEFAULT_DELAYS: Final = (0.1, 0.5, 1.0, 2.0, 4.0)  # five delays make six attempts
MAX_SKIP: Final = 10 * 365 * 86_400.0  # seconds; keeps every date within the range of `datetime`
_DEFAULT_LATENCY: Final = Constant(0.4)
_NO_LATENCY: Final = Constant(0.0)
_LAST_PORT: Final = 65_535
_PROJECT_KEY: Final = re.compile(r"ck_(test|live)_[!-~]+")
_ACCOUNT_KEY: Final = re.compile(r"ck_acct_[!-~]+")
_ADMIN_KEY: Final = re.compile(r"(?!ck_(test|live|acct|pk)_)[!-~]+")


class SettingsError(ValueError):
    """An invalid setting; the message names the setting and the accepted values."""


@frozen(kw_only=True)
class Settings:
    """The settings of one emulator; `read_settings` makes them from user input."""

    host: str = "127.0.0.1"
    port: int = 0
    api_key: str = "ck_test_local"
    account_key: str = "ck_acct_local"
    admin_key: str = "local-admin"
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_delays: tuple[float, ...] = DEFAULT_DELAYS
    latency: Latency = _DEFAULT_LATENCY
    http_latency: Latency = _NO_LATENCY
    rate: Rate | None = None
    clock_skew: float = 0.0
    faults: tuple[Rule, ...] = ()
    seed: int = 0
    db: str | None = None
    pdf: bool = True
    font_path: str | None = None
    templates: tuple[Mapping[str, Any], ...] = ()


def read_settings(**values: Any) -> Settings:
    """Make settings from command-line values or arguments of `Emulator`; raises `SettingsError` naming the setting."""
    settings = Settings(**{name: _read_setting(name, value) for name, value in values.items()})
    if settings.webhook_url and not settings.webhook_secret:
        raise SettingsError("webhook_secret: required when webhook_url is set; deliveries are signed with it")
    return settings


def _read_setting(name: str, value: Any) -> Any:
    reader = _READERS.get(name)
    try:
        return value if reader is None else reader(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise SettingsError(f"{name}: {error}") from None


def _read_key(pattern: re.Pattern[str], form: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(form)
        return value

    return read


def _read_port(value: Any) -> int:
    if not 0 <= int(value) <= _LAST_PORT:
        raise ValueError(f"must be from 0 to {_LAST_PORT}; 0 selects a free port")
    return int(value)


def _read_delays(value: str | Iterable[float]) -> tuple[float, ...]:
    delays = tuple(float(part) for part in (value.split(",") if isinstance(value, str) else value))
    if len(delays) != len(DEFAULT_DELAYS) or not all(0 <= delay < MAX_SKIP for delay in delays):
        raise ValueError("expected five delays in seconds, between the six attempts, such as 0.1,0.5,1,2,4")
    return delays


def _read_skew(value: float | str) -> float:
    skew = float(value)
    if not math.isfinite(skew) or abs(skew) > MAX_SKIP:
        raise ValueError("expected seconds, at most ten years in either direction")
    return skew


def _read_faults(value: str | Iterable[str]) -> tuple[Rule, ...]:
    return parse_faults(value, load_contract().operations)


def _read_latency(value: float | str) -> Latency:
    return parse_latency(str(value))


def _read_rate(value: str | None) -> Rate | None:
    return None if value is None else parse_rate(value)


def _read_url(value: Any) -> str | None:
    return None if value is None else check_url(value)


def _read_templates(value: Iterable[Any]) -> tuple[Mapping[str, Any], ...]:
    return tuple(check_template(each) for each in value)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "port": _read_port,
    "api_key": _read_key(_PROJECT_KEY, "a project key starts with ck_test_ or ck_live_"),
    "account_key": _read_key(_ACCOUNT_KEY, "an account key starts with ck_acct_"),
    "admin_key": _read_key(_ADMIN_KEY, "an admin key is printable ASCII without spaces and does not start with ck_"),
    "webhook_url": _read_url,
    "webhook_delays": _read_delays,
    "latency": _read_latency,
    "http_latency": _read_latency,
    "rate": _read_rate,
    "clock_skew": _read_skew,
    "faults": _read_faults,
    "seed": int,
    "templates": _read_templates,
}
