"""The effect of each kind of fault on an answer, as pure functions."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from typing import Any, Final

from craftkit_async.emulator.faults.grammar import Fault
from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.http.contract import Operation

_REFUSALS: Final = frozenset({"401", "429", "500", "502", "503"})
_MESSAGE: Final = "This error was injected as a fault."
_RETRY_DATE_AHEAD: Final = 2  # seconds; HTTP dates have a resolution of one
_PAGE: Final = b"<!DOCTYPE html><title>Bad gateway</title><h1>Bad gateway</h1><p>This page comes from a proxy.</p>"
_REDIRECT_TARGET: Final = "https://www.craftkit.dev"
_DEFAULT_CODES: Final = {"401": "unauthorized", "429": "rate_limited", "500": "internal", "502": "upstream_error",
                         "503": "queue_unavailable"}  # fmt: skip  # one table


def replace_answer(faults: Iterable[Fault], operation: Operation, path: str, now: int) -> Answer | None:
    """Return the answer that a fault sends instead of calling the handler, or None."""
    for fault in faults:
        if answer := _make_replacement(fault, operation, path, now):
            return answer
    return None


def _make_replacement(fault: Fault, operation: Operation, path: str, now: int) -> Answer | None:
    if fault.kind in _REFUSALS:
        return _make_error(fault, operation, now)
    if fault.kind == "redirect":
        return Answer(302, b"", "text/plain", {"Location": fault.argument or f"{_REDIRECT_TARGET}{path}"})
    if fault.kind == "html" and not _is_success(fault):
        return Answer(int(fault.argument or 502), _PAGE, "text/html")
    if fault.kind == "empty" and fault.argument and not _is_success(fault):
        return Answer(int(fault.argument), b"")
    return None


def _make_error(fault: Fault, operation: Operation, now: int) -> Answer:
    argument, headers = fault.argument or "", {}
    if argument == "date":
        headers["Retry-After"] = format_datetime(
            datetime.fromtimestamp(now // 1000 + _RETRY_DATE_AHEAD, UTC), usegmt=True
        )
    elif argument.isdigit():
        headers["Retry-After"] = argument
    if operation.id == "get_health" and fault.kind == "503":
        return Answer(503, {"status": "degraded", "version": "local", "checks": {"database": "error"}}, headers=headers)
    default = operation.code(int(fault.kind), otherwise=_DEFAULT_CODES[fault.kind])
    code = default if not argument or headers else argument
    answer = Refusal(int(fault.kind), code, _MESSAGE).to_answer()
    answer.headers = headers
    return answer


def choose_reset(kinds: Collection[str], random: Random) -> str | None:
    """Choose whether to reset the connection before or after the handler runs; None is neither."""
    if "reset" in kinds:
        return random.choice(["reset-before", "reset-after"])
    return next((kind for kind in ("reset-before", "reset-after") if kind in kinds), None)


def reshape(faults: Iterable[Fault], answer: Answer, renders_url: str) -> Answer:
    """Apply the faults that change an answer; `renders_url` is the URL under which the API serves renders."""
    for fault in faults:
        change = _CHANGES.get(fault.kind)
        if change:
            change(answer, fault, renders_url)
    return answer


def _flatten(answer: Answer, _: Fault, __: str) -> None:
    if isinstance(answer.body, dict) and isinstance(error := answer.body.get("error"), dict):
        answer.body = {"error": error["code"]}


def _hide_url(answer: Answer, _: Fault, __: str) -> None:
    if isinstance(answer.body, dict) and "downloadUrl" in answer.body:
        answer.body = {**answer.body, "downloadUrl": None}


def _use_api_url(answer: Answer, _: Fault, renders_url: str) -> None:
    body = answer.body
    if isinstance(body, dict) and body.get("downloadUrl"):
        answer.body = {**body, "downloadUrl": f"{renders_url}/{body['id']}/download"}


def _rename_status(answer: Answer, fault: Fault, _: str) -> None:
    if isinstance(answer.body, dict) and "status" in answer.body:
        answer.body = {**answer.body, "status": fault.argument}


def _drop_body(answer: Answer, fault: Fault, _: str) -> None:
    answer.body, answer.status = b"", int(fault.argument or answer.status)


def _show_page(answer: Answer, fault: Fault, _: str) -> None:
    answer.body, answer.content_type, answer.status = _PAGE, "text/html", int(fault.argument or 502)


def _is_success(fault: Fault) -> bool:
    return bool(fault.argument) and str(fault.argument).startswith("2")


_CHANGES: Final[dict[str, Any]] = {
    "flat": _flatten,
    "null-url": _hide_url,
    "api-url": _use_api_url,
    "status": _rename_status,
    "empty": _drop_body,
    "html": _show_page,
}
