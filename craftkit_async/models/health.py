"""Health: whether the service is up."""

import attrs


@attrs.frozen
class HealthChecks:
    """What the service looked at."""

    database: str


@attrs.frozen
class Health:
    """The service's own report, the same shape when it is degraded."""

    status: str
    version: str
    checks: HealthChecks

    @property
    def is_ok(self) -> bool:
        """Is everything well?"""
        return self.status == "ok"


@attrs.frozen
class Liveness:
    """A bare sign of life."""

    status: str
