"""Health: whether the service is up."""

from craftkit_async.models.value import Value, model


@model
class HealthChecks(Value):
    """The checks that the service made."""

    database: str


@model
class Health(Value):
    """The service's own report, the same shape when it is degraded."""

    status: str
    version: str
    checks: HealthChecks

    @property
    def is_ok(self) -> bool:
        """Is everything well?"""
        return self.status == "ok"


@model
class Liveness(Value):
    """A bare sign of life."""

    status: str
