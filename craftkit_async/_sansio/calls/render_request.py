"""RenderRequest: one document to render, as a value."""

import re
from typing import Any

import attrs

from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.call import OMITTED
from craftkit_async._sansio.calls.idempotency import check_idempotency_key
from craftkit_async.errors import ConfigurationError
from craftkit_async.models.value import Value

_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen(eq=False, repr=False)
class RenderRequest(Value):
    """One document to render.

    `submit`, `render` and `templates.render` take one in place of a template and its data, a batch takes many.
    """

    template: str
    data: Any = attrs.field(repr=False)
    key: str | None = attrs.field(default=None, kw_only=True, repr=False)
    """Names the row of a batch, across runs too; ignored elsewhere."""
    idempotency_key: str | None = attrs.field(default=None, kw_only=True)
    """Used as it is for the first attempt; a batch derives one that is not given, other calls make one."""
    version: int | None = attrs.field(default=None, kw_only=True)
    filename: str | None = attrs.field(default=None, kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        # Most requests are a slug and data, and each submit makes one.
        plain = self.key is None and self.version is None and self.filename is None
        if type(self.template) is not str or not self.template or not plain:
            self._check()
        if self.idempotency_key is not None:
            check_idempotency_key(self.idempotency_key)

    def _check(self) -> None:
        need(str, template=self.template)
        allow(str, key=self.key, filename=self.filename)
        allow(int, version=self.version)
        if not self.template:
            raise ConfigurationError("template takes the slug of a template, not an empty text")
        # SQLite cuts text at a NUL, so two such keys could be one row.
        if self.key is not None and (not self.key or "\0" in self.key):
            raise ConfigurationError("key takes text that is not empty and has no NUL in it")
        # The journal keeps UTF-8.
        if self.key is not None and _SURROGATE.search(self.key):
            raise ConfigurationError("key takes text without lone surrogates, which UTF-8 cannot carry")


def to_request(
    template: object, data: object, idempotency_key: str | None, version: int | None, filename: str | None
) -> RenderRequest:
    """Make a request of the arguments of a call, or return the one that was given in place of a template."""
    if not isinstance(template, RenderRequest):
        if data is OMITTED:
            raise ConfigurationError("data is missing; pass the values of the template's variables")
        return RenderRequest(
            template,  # type: ignore[arg-type]  # checked there
            data,
            idempotency_key=idempotency_key,
            version=version,
            filename=filename,
        )
    given = {"data": None if data is OMITTED else data, "version": version, "filename": filename}
    names = [name for name, value in {**given, "idempotency_key": idempotency_key}.items() if value is not None]
    if names:
        raise ConfigurationError(f"a RenderRequest carries its own {', '.join(names)}; leave these arguments out")
    return template
