"""Project labels: what a project is called in this process and in those beside it."""

import hashlib

from craftkit_async.errors import ConfigurationError


def label_of_key(key: str) -> str:
    """Return the label of a project that was given none: it is the same in all processes, and shows no key."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def check_label(label: object) -> str:
    """Return the label of a project, or refuse one that cannot be part of a path."""
    if not isinstance(label, str) or not label or "/" in label or label != label.strip():
        raise ConfigurationError(
            f'project takes a name such as "acme", without "/" and blanks around it, not {label!r}'
        )
    return label
