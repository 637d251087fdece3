"""Provisioning: what an admin key sets up for an organisation; most of its fields are unknown and passed on."""

from typing import Any

from craftkit_async._sansio.calls.arguments import need
from craftkit_async._sansio.calls.call import OMITTED, Credential, Operation, TimeoutOption
from craftkit_async.models.open_object import OpenObject
from craftkit_async.resources.resource import Resource

_PATH = "/v1/admin/provision"
_PROVISION = Operation("provision_org", "POST", _PATH, OpenObject, credential=Credential.ADMIN)
_UPDATE = Operation("update_provisioned_org", "PATCH", _PATH, OpenObject, credential=Credential.ADMIN)


class Provisioning(Resource):
    """Organisations of a deployment."""

    __slots__ = ()

    async def provision(self, external_org_id: str, *, timeout: TimeoutOption = OMITTED, **fields: Any) -> OpenObject:
        """Set up a project, its key and an embed partner; asking again returns the same key."""
        need(str, external_org_id=external_org_id)
        return await self._send(_PROVISION.call().with_body({"external_org_id": external_org_id, **fields}), timeout)

    async def update(self, external_org_id: str, *, timeout: TimeoutOption = OMITTED, **fields: Any) -> OpenObject:
        """Change the settings of an organisation, for now only `email_from`."""
        need(str, external_org_id=external_org_id)
        return await self._send(_UPDATE.call().with_body({"external_org_id": external_org_id, **fields}), timeout)
