"""Keys: give each item of the input a key and a file name."""

import secrets
from functools import cached_property

import attrs

from craftkit_async._sansio.calls.data import to_plain
from craftkit_async._sansio.calls.idempotency import derive_key
from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.rows.counting import SeenNames
from craftkit_async.batch.rows.file_names import safe_name, same_file
from craftkit_async.batch.rows.requests import BadRow
from craftkit_async.errors import ConfigurationError, CraftkitError, JournalError

_DIGEST_DIGITS = 40

# 64 bits: no two batches meet by chance.
_NAMESPACE_BYTES = 8


@attrs.frozen(eq=False, repr=False)
class Row:
    """One row of the input, ready to be rendered unless `error` says why it cannot be."""

    index: int
    request: RenderRequest | None
    """As the caller gave it."""
    snapshot: RenderRequest | None = None
    """With the data as it was when the row was read, since callers reuse objects; None if it cannot be sent."""
    key: str = ""
    idempotency_key: str = ""
    """Of its first attempt."""
    filename: str = ""
    error: CraftkitError | None = None

    @property
    def digest(self) -> str:
        """The hash of all that the document is made of, under the batch's namespace."""
        return self.idempotency_key[-_DIGEST_DIGITS:]


class KeyedRows:
    """Gives rows keys and file names in the order of the input, so that the same input gives the same in every run."""

    def __init__(self, *, is_journaled: bool, is_saved: bool) -> None:
        self.namespace = ""
        """Known when the journal is open."""
        self._is_journaled = is_journaled
        self._is_saved = is_saved

    def admit(self, index: int, item: object) -> Row:
        """Make a row of the next item."""
        if isinstance(item, BadRow):
            return Row(index, None, error=item.error)
        if not isinstance(item, RenderRequest):
            kind = type(item).__name__
            return Row(index, None, error=ConfigurationError(f"a row takes a RenderRequest, not a {kind}"))
        try:
            return self._name(index, item)
        except CraftkitError as error:
            return Row(index, item, error=error)

    def reserve(self, filename: str) -> None:
        """Keep a name from being used by another row."""
        self._names.add(same_file(filename))

    def close(self) -> None:
        """Forget all names."""
        for name in ("_keys", "_names"):
            if name in vars(self):
                vars(self).pop(name).close()

    @cached_property
    def _keys(self) -> SeenNames:
        return SeenNames()

    @cached_property
    def _names(self) -> SeenNames:
        return SeenNames()

    def _name(self, index: int, request: RenderRequest) -> Row:
        snapshot = attrs.evolve(request, data=to_plain(request.data))
        key = self._key(index, snapshot)
        # A key of a row has no NUL, so no key is taken for another kind.
        given = request.idempotency_key
        if given is not None and self._keys.add(f"idempotency\0{given}") > 1:
            raise JournalError("the idempotency_key of this row was already used in this run; each row needs its own")
        idempotency_key = self._derive(snapshot, key)
        return Row(index, request, snapshot, key, idempotency_key, self._filename(key) if self._is_saved else "")

    def _key(self, index: int, request: RenderRequest) -> str:
        if request.key is not None:
            if self._keys.add(request.key) > 1:
                raise JournalError("the key of this row was already used in this run; each row needs its own")
            return request.key
        if not self._is_journaled:
            return f"row {index + 1}"
        # Named by what it says, a row is found again even where others were put before it.
        digest = self._derive(request, None)[-_DIGEST_DIGITS:]
        return f"{digest}#{self._keys.add(f'data {digest}')}"

    def _derive(self, request: RenderRequest, key: str | None) -> str:
        return derive(self.namespace, request, key, 1)

    def _filename(self, key: str) -> str:
        """Make a name that no other row of this batch has; rows that would share one are numbered."""
        name = safe_name(key)
        number = self._names.add(same_file(f"{name}.pdf"))
        if number == 1:
            return f"{name}.pdf"
        while self._names.add(same_file(candidate := f"{name}-{number}.pdf")) > 1:
            number += 1
        return candidate


def random_namespace() -> str:
    """Make a namespace that no other batch has, so that no old document is ever replayed."""
    return secrets.token_hex(_NAMESPACE_BYTES)


def derive(namespace: str, request: RenderRequest, key: str | None, attempt: int) -> str:
    """Derive the idempotency key of an attempt at a row."""
    return derive_key(namespace, request.template, request.version, request.filename, key, request.data, attempt)
