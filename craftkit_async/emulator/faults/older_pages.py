"""Answers as the older API pages document them: the variants in section 18 of the contract."""

from collections.abc import Callable
from typing import Any, Final

from craftkit_async.emulator.http.answers import Answer

_CODE_NAMES: Final = {
    "unauthorized": "invalid_credentials",
    "missing_or_invalid_authorization": "missing_authorization",
}


def to_older(operation: str, answer: Answer) -> Answer:
    """Rewrite an answer as the older pages document it."""
    if not isinstance(answer.body, dict):
        return answer
    if "error" in answer.body:
        answer.status, answer.body = _to_older_error(answer.status, answer.body)
    elif change := _REWRITES.get(operation):
        answer.body = change(dict(answer.body))
    return answer


def _to_older_error(status: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    error = body["error"]
    if not isinstance(error, dict):
        return status, body
    error = {**error, "code": _CODE_NAMES.get(error["code"], error["code"])}
    if isinstance(issues := error.get("issues"), dict):
        fields = {path.split(".")[0]: reasons for path, reasons in issues["fieldErrors"].items()}
        error["issues"] = {**issues, "fieldErrors": fields}
        if error["code"] == "invalid_input_data":
            status = 422
            error["issues"] = [{"path": path.split("."), "message": reasons[0]} for path, reasons in
                               issues["fieldErrors"].items()]  # fmt: skip  # one expression
    return status, {**body, "error": error}


def _to_older_submission(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "poll_url": body["pollUrl"], "estimated_seconds": 1}


def _to_older_share(body: dict[str, Any]) -> dict[str, Any]:
    token = "shr_" + body["shareToken"].removeprefix("cks_")
    kept = {name: value for name, value in body.items() if name not in {"revokedReason", "clickCount"}}
    return {**kept, "shareToken": token}


def _to_older_share_list(body: dict[str, Any]) -> dict[str, Any]:
    return {"shares": [_to_older_share(each) for each in body["shares"]]}


def _to_older_project(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("id", "slug", "name")}


def _to_older_signature(body: dict[str, Any]) -> dict[str, Any]:
    is_open = body["status"] in {"sent", "viewed"}
    signed = is_open and any(each.get("signedAt") for each in body["recipients"])
    return {**body, "status": "signed"} if signed else body


def _to_older_signature_list(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "nextCursor": body["nextCursor"] if body["hasMore"] else None}


_REWRITES: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "render_template": _to_older_submission,
    "create_share": _to_older_share,
    "list_shares": _to_older_share_list,
    "update_project": _to_older_project,
    "get_signature": _to_older_signature,
    "list_signatures": _to_older_signature_list,
}
