"""Validate what only the dashboard creates: templates under laxer rules than the API's, and webhook subscriptions."""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from craftkit_async.emulator.documents import Pipeline

_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_URL: Final = re.compile(r"https?://[^\s/?#]+\S*")
_MAX_KEY: Final = 400  # characters
_MAX_KEY_PARTS: Final = 32


def check_template(content: Any) -> Mapping[str, Any]:
    """Validate a template made in the dashboard; raises ValueError naming the invalid field."""
    if not isinstance(content, Mapping):
        raise ValueError("a template is an object with slug, name and manifest")  # noqa: TRY004 - one error for all
    slug, manifest = content.get("slug"), content.get("manifest")
    if not isinstance(slug, str) or not _SLUG.fullmatch(slug):
        raise ValueError("slug: expected lowercase words separated by hyphens")
    if not isinstance(content.get("name", slug), str):
        raise ValueError("name: expected a string")  # noqa: TRY004 - one error for all
    if content.get("pipeline", "canvas") not in get_args(Pipeline):
        raise ValueError(f"pipeline: expected one of {', '.join(get_args(Pipeline))}")
    if content.get("published", True) or manifest is not None:
        _check_manifest(manifest)
    return content


def _check_manifest(manifest: Any) -> None:
    if not isinstance(manifest, dict):
        raise ValueError("manifest: expected an object with variables and loops")  # noqa: TRY004 - one error for all
    _check_definitions("variables", manifest.get("variables", []))
    loops = manifest.get("loops", [])
    _check_definitions("loops", loops)
    for loop in loops:
        _check_definitions("itemFields", loop.get("itemFields", []))


def _check_definitions(name: str, definitions: Any) -> None:
    if not isinstance(definitions, list) or not all(_has_key(each) for each in definitions):
        raise ValueError(f"{name}: expected an array of objects, each with a key")


def _has_key(definition: Any) -> bool:
    key = definition.get("key") if isinstance(definition, dict) else None
    return isinstance(key, str) and len(key) <= _MAX_KEY and key.count(".") < _MAX_KEY_PARTS


def check_url(url: Any) -> str:
    """Validate the URL of a webhook subscription; raises ValueError."""
    if not isinstance(url, str) or not _URL.fullmatch(url):
        raise ValueError("a webhook URL starts with http:// or https:// and a host")
    return url


def check_subscription(content: Mapping[str, Any]) -> dict[str, Any]:
    """Validate a webhook subscription; raises ValueError naming the invalid field."""
    url, secret, events = check_url(content.get("url")), content.get("secret"), content.get("events")
    if not isinstance(secret, str) or not secret:
        raise ValueError("secret: required; deliveries are signed with it")
    checked: dict[str, Any] = {"url": url, "secret": secret, "active": content.get("active", True) is True}
    if events is not None:
        if not isinstance(events, list) or not all(isinstance(each, str) for each in events):
            raise ValueError("events: expected an array of event names")
        checked["events"] = events
    project_id = content.get("projectId")
    return checked | {"project_id": project_id if isinstance(project_id, str) else None}
