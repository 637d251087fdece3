"""Projects: what an account key manages."""

from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.call import OMITTED, Credential, Operation, Retry, TimeoutOption
from craftkit_async.errors import NotFoundError
from craftkit_async.models.projects import Project, ProjectDeleted, ProjectKey
from craftkit_async.resources.resource import Resource

_ACCOUNT = Credential.ACCOUNT
_ID = ("id", "id")
_LIST = Operation("list_projects", "GET", "/v1/projects", Project, envelope="projects", credential=_ACCOUNT)
_CREATE = Operation("create_project", "POST", "/v1/projects", Project, retry=Retry.NEVER, credential=_ACCOUNT)
_GET = Operation("get_project", "GET", "/v1/projects/{id}", Project, credential=_ACCOUNT, about=_ID)
_RENAME = Operation("update_project", "PATCH", "/v1/projects/{id}", Project, credential=_ACCOUNT, about=_ID)
_DELETE = Operation("delete_project", "DELETE", "/v1/projects/{id}", ProjectDeleted, credential=_ACCOUNT, about=_ID)
_CREATE_KEY = Operation(
    "create_project_key", "POST", "/v1/projects/{id}/keys", ProjectKey, retry=Retry.NEVER, credential=_ACCOUNT
)


class Projects(Resource):
    """The projects of an account."""

    __slots__ = ()

    async def create(self, name: str, *, timeout: TimeoutOption = OMITTED) -> Project:
        """Create a project, always a new one: the same name again makes a second one. Check your own records first."""
        need(str, name=name)
        return await self._send(_CREATE.call().with_body({"name": name}), timeout)

    async def get(self, id: str, *, timeout: TimeoutOption = OMITTED) -> Project:
        """Read a project."""
        return await self._send(_GET.call(id=id), timeout)

    async def rename(self, id: str, name: str, *, timeout: TimeoutOption = OMITTED) -> Project:
        """Give a project another name; its slug stays."""
        need(str, name=name)
        return await self._send(_RENAME.call(id=id).with_body({"name": name}), timeout)

    async def delete(self, id: str, *, timeout: TimeoutOption = OMITTED) -> ProjectDeleted:
        """Delete a project; its keys stop working, and its slug stays taken."""
        try:
            return await self._send(_DELETE.call(id=id), timeout)
        except NotFoundError as error:
            if not error.maybe_applied:
                raise
            return ProjectDeleted(id, deleted=True)

    async def create_key(self, id: str, *, name: str | None = None, timeout: TimeoutOption = OMITTED) -> ProjectKey:
        """Make a live key; its plaintext is in this reply only, so store it now."""
        allow(str, name=name)
        fields = {"name": OMITTED if name is None else name}
        return await self._send(_CREATE_KEY.call(id=id).with_body(fields), timeout)

    async def list(self, *, timeout: TimeoutOption = OMITTED) -> list[Project]:
        """List the projects of the account, the newest first."""
        return await self._send_for_list(_LIST.call(), timeout)
