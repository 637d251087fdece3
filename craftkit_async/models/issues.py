"""Issue: one thing that is wrong with some input, and where."""

from craftkit_async.models.value import Value, model


@model
class Issue(Value):
    """One finding about an input; the same type for the server's findings and for our own."""

    path: str
    """Where: a dotted path into the input, empty for the input as a whole."""
    message: str
    level: str = "error"
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message
