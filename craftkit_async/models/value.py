"""Value: what all models have in common, written once.

attrs would compile comparison and `repr` for each class anew when it is imported, which was half of the
import time of this package; and nothing compares models often enough to notice the difference.
"""

from typing import Any, TypeVar, dataclass_transform

import attrs

Class = TypeVar("Class", bound=type)


class Value:
    """Equal to another of its class with equal fields; shows the fields that may be shown."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _members(self) == _members(other)

    def __hash__(self) -> int:
        return hash((type(self), _members(self)))

    def __repr__(self) -> str:
        shown = (
            f"{field.name}={(field.repr if callable(field.repr) else repr)(getattr(self, field.name))}"
            for field in _fields(type(self))
            if field.repr
        )
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def model(cls: Class) -> Class:
    """Make a frozen class of annotated fields; derive it from `Value`."""
    # Nobody points at a model weakly, and without that field another class can fill one in: see `_sansio.delivery`.
    decorated: Class = attrs.frozen(cls, eq=False, repr=False, weakref_slot=False)
    return decorated


def _fields(cls: Any) -> "tuple[attrs.Attribute[Any], ...]":
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    return fields


def _members(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, field.name) for field in _fields(type(value)))
