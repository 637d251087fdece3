"""System: whether the service is up."""

from craftkit_async._sansio.calls.call import OMITTED, Credential, Operation, TimeoutOption
from craftkit_async.models.health import Health, Liveness
from craftkit_async.resources.resource import Resource

_DEGRADED = frozenset({503})
_HEALTH = Operation("get_health", "GET", "/v1/health", Health, credential=Credential.NONE, also_reads=_DEGRADED)
_LIVENESS = Operation("get_liveness", "GET", "/health", Liveness, credential=Credential.NONE)


class System(Resource):
    """Health probes."""

    __slots__ = ()

    async def health(self, *, timeout: TimeoutOption = OMITTED) -> Health:
        """Ask once how the service is; a degraded one is an answer and no error."""
        answer = await self._sender.send(_HEALTH.call(), timeout=timeout, resend=False)
        health: Health = answer.value
        return health

    async def liveness(self, *, timeout: TimeoutOption = OMITTED) -> Liveness:
        """Ask for a sign of life."""
        return await self._send(_LIVENESS.call(), timeout)
