"""The answers as the older family of pages describes them: the variants of the contract's section 18."""

from collections.abc import Callable
from typing import Any, Final

from craftkit_async.emulator.http.answers import Answer

_CODES: Final = {"unauthorized": "invalid_credentials", "missing_or_invalid_authorization": "missing_authorization"}


def age(operation: str, answer: Answer) -> Answer:
    """Rewrite an answer of the current pages into one of the older."""
    if not isinstance(answer.body, dict):
        return answer
    if "error" in answer.body:
        answer.status, answer.body = _age_error(answer.status, answer.body)
    elif change := _CHANGES.get(operation):
        answer.body = change(dict(answer.body))
    return answer


def _age_error(status: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    error = body["error"]
    if not isinstance(error, dict):
        return status, body
    error = {**error, "code": _CODES.get(error["code"], error["code"])}
    if isinstance(issues := error.get("issues"), dict):
        fields = {path.split(".")[0]: reasons for path, reasons in issues["fieldErrors"].items()}
        error["issues"] = {**issues, "fieldErrors": fields}
        if error["code"] == "invalid_input_data":
            status = 422
            error["issues"] = [{"path": path.split("."), "message": reasons[0]} for path, reasons in
                               issues["fieldErrors"].items()]  # fmt: skip  # one thought
    return status, {**body, "error": error}


def _age_submission(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "poll_url": body["pollUrl"], "estimated_seconds": 1}


def _age_share(body: dict[str, Any]) -> dict[str, Any]:
    token = "shr_" + body["shareToken"].removeprefix("cks_")
    kept = {name: value for name, value in body.items() if name not in {"revokedReason", "clickCount"}}
    return {**kept, "shareToken": token}


def _age_share_list(body: dict[str, Any]) -> dict[str, Any]:
    return {"shares": [_age_share(each) for each in body["shares"]]}


def _age_project(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("id", "slug", "name")}


def _age_signature(body: dict[str, Any]) -> dict[str, Any]:
    is_open = body["status"] in {"sent", "viewed"}
    signed = is_open and any(each.get("signedAt") for each in body["recipients"])
    return {**body, "status": "signed"} if signed else body


def _age_signature_list(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "nextCursor": body["nextCursor"] if body["hasMore"] else None}


_CHANGES: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "render_template": _age_submission,
    "create_share": _age_share,
    "list_shares": _age_share_list,
    "update_project": _age_project,
    "get_signature": _age_signature,
    "list_signatures": _age_signature_list,
}
