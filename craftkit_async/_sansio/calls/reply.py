"""Replies: a status and the bytes that came with it become a value or the right error."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from craftkit_async._sansio.calls.call import Call, Result
from craftkit_async._sansio.calls.codec import build, build_list, read_json
from craftkit_async._sansio.calls.wire_names import wire_name
from craftkit_async._sansio.headers import CONTENT_TYPE, DATE, RETRY_AFTER
from craftkit_async.errors import ApiError, DecodeError, class_of_reply
from craftkit_async.models.issues import Issue

# Long enough for any sentence, short enough for a log line.
_MESSAGE_SHOWN = 300

_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")

# Thirty years; a number too long to be a float would otherwise count as no hint.
_LONGEST_RETRY_AFTER = 1e9

_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)


def is_answer(call: Call[Any], status: int) -> bool:
    """Is the body the operation's own reply, and not an error?"""
    return status in _SUCCESS or status in call.operation.also_reads


def read_answer(call: Call[Result], body: bytes) -> Any:
    """Read the body of a success as the operation describes it: one model or a list of them."""
    operation = call.operation
    document = read_json(body)
    dropped: list[str] = []
    if operation.envelope is not None:
        value: Any = build_list(operation.reply, document, operation.envelope, dropped)
    else:
        value = build(operation.reply, document, dropped=dropped)
        _check(call, value, document)
    call.dropped = dropped or None
    return value


def _check(call: Call[Any], value: Any, document: Any) -> None:
    """Refuse a reply that fits and is of no use: about something else, without a name, or without what was asked."""
    operation = call.operation
    if operation.about is not None and getattr(value, operation.about[1]) != call.subject:
        raise _useless("is about something else than was asked for: {} differs", operation.about[1], document)
    if getattr(value, "id", None) == "":
        raise _useless("names nothing: {} is empty", "id", document)
    if operation.needs is not None and getattr(value, operation.needs) is None:
        raise _useless("does not say what was asked for: {} is missing", operation.needs, document)


def _useless(why: str, field: str, document: Any) -> DecodeError:
    path = f"$.{wire_name(field)}"
    failure = DecodeError(f"the reply {why.format(path)}", path)
    failure.raw = document
    return failure


def read_either(call: Call[Any], status: int, headers: Mapping[str, str], body: bytes, now: float) -> Any:
    """Read a reply outside 2xx that is the operation's own, unless a proxy or a fault replaced it by an error."""
    try:
        return read_answer(call, body)
    except DecodeError:
        return read_error(call, status, headers, body, now)


def read_error(call: Call[Any], status: int, headers: Mapping[str, str], body: bytes, now: float) -> ApiError:
    """Read an error reply: the class by its status, the detail by its code, whatever the body turns out to be."""
    code, message, issues = _read_error_body(body)
    if status in _REDIRECT:
        code, message = "redirect", "the service sent this call elsewhere; check base_url"
    return class_of_reply(status, code)(
        message or f"no readable error body ({len(body)} bytes of {_one_line(headers.get(CONTENT_TYPE, 'nothing'))})",
        status,
        code,
        issues,
        call.operation.method,
        call.shown_path,
        call.idempotency_key,
        retry_after=read_retry_after(headers, now),
    )


def read_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read `Retry-After`, which is seconds or a date; what is neither counts as absent.

    A date is held against the `Date` of the same reply where there is one, so that a wrong clock here does no harm.
    """
    text = headers.get(RETRY_AFTER, "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_RETRY_AFTER)
    moment = _read_date(text)
    if moment is None:
        return None
    sent = _read_date(headers.get(DATE, ""))
    return max(0.0, moment - (now if sent is None else sent))


def _read_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if isfinite(seconds) else None


def _read_error_body(body: bytes) -> tuple[str | None, str, tuple[Issue, ...]]:
    """Read either form: `{"error": {"code", "message", "issues"}}` or `{"error": "code"}`."""
    try:
        document = read_json(body)
    except DecodeError:
        return None, "", ()
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, str):
        message = document.get("message")
        return _one_line(error) or None, _one_line(message) if isinstance(message, str) else _one_line(error), ()
    if not isinstance(error, dict):
        return None, "", ()
    code, message = error.get("code"), error.get("message")
    code = _one_line(code) if isinstance(code, str) and code else None
    message = _one_line(message) if isinstance(message, str) else ""
    return code, message or code or "", _read_issues(error.get("issues"))


def _read_issues(issues: Any) -> tuple[Issue, ...]:
    if isinstance(issues, list):
        return tuple(_read_listed_issue(issue) for issue in issues)
    if not isinstance(issues, dict):
        return ()
    general, fields = issues.get("formErrors"), issues.get("fieldErrors")
    found = [Issue("", text) for text in _texts(general)]
    if isinstance(fields, dict):
        found.extend(Issue(_one_line(path), text) for path, texts in fields.items() for text in _texts(texts))
    return tuple(found)


def _read_listed_issue(issue: Any) -> Issue:
    """Read one entry of the array form, whose shape no page gives."""
    if not isinstance(issue, dict):
        return Issue("", _text(issue))
    path, message, code = issue.get("path"), issue.get("message"), issue.get("code")
    steps = path if isinstance(path, list) else [path] if path is not None else []
    return Issue(
        _one_line(".".join(map(_text, steps))),
        _text("invalid" if message is None else message),
        code=_one_line(code) if isinstance(code, str) else None,
    )


def _texts(messages: Any) -> list[str]:
    listed = messages if isinstance(messages, list) else [messages] if messages is not None else []
    return [_text(message) for message in listed]


def _text(said: Any) -> str:
    try:
        return _one_line(str(said))
    except RecursionError:
        return "unreadable: nested too deep"


def _one_line(text: str) -> str:
    """Make a server's text fit to print: one line, of bounded length, without control characters."""
    line = _CONTROL.sub(" ", text).strip().encode("utf-8", "replace").decode()
    return line if len(line) <= _MESSAGE_SHOWN else f"{line[:_MESSAGE_SHOWN]}…"
