"""Authentication: project keys by hash, sessions by token, each kind only where the contract accepts it."""

import hashlib
import hmac

from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.calls import Credential
from craftkit_async.emulator.http.answers import Refusal
from craftkit_async.emulator.http.contract import Operation
from craftkit_async.emulator.settings import Settings
from craftkit_async.emulator.storage.state import State
from craftkit_async.emulator.tokens import TokenSigner

_BEARER = "bearer "
_EMBED_PARTNER = "missing_authorization"  # listed by exactly the routes that require embed to be enabled


def digest_key(key: str) -> str:
    """Hash a key for storage."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


class Authenticator:
    """Resolves an `Authorization` header to a credential."""

    def __init__(self, settings: Settings, state: State, clock: Clock, signer: TokenSigner) -> None:
        self._settings, self._state, self._clock, self._signer = settings, state, clock, signer

    def authenticate(self, operation: Operation, authorization: str | None) -> Credential:
        """Return the credential for a call of the operation; raises `Refusal`."""
        if not operation.credentials:
            return Credential()
        token = _read_bearer(authorization)
        if token is None:
            code = operation.code(401, "missing_authorization", otherwise="unauthorized")
            raise Refusal(401, code, "The Authorization header has no bearer key.")
        for kind in operation.credentials:
            if credential := self._check(kind, operation, token):
                return credential
        code = operation.code(401, "invalid_credentials", otherwise="unauthorized")
        raise Refusal(401, code, "The key is not valid for this operation.")

    def _check(self, kind: str, operation: Operation, token: str) -> Credential | None:
        if kind == "projectKey":
            return self._check_project_key(operation, token)
        if kind == "embedSession":
            return self._check_session(token)
        expected = self._settings.account_key if kind == "accountKey" else self._settings.admin_key
        sent = token.encode("utf-8", "surrogateescape")
        return Credential() if hmac.compare_digest(sent, expected.encode()) else None

    def _check_project_key(self, operation: Operation, token: str) -> Credential | None:
        key = self._state.key_by_digest.newest(digest_key(token))
        project = key and self._state.projects.get(key.project_id)
        if not project:
            return None
        if project.deleted is not None:
            raise Refusal(403, "forbidden", "The project of this key was deleted.")
        if _EMBED_PARTNER in operation.codes.get("401", ()) and not project.embed:
            return None
        return Credential(project=project, watermark=token.startswith("ck_test_"))

    def _check_session(self, token: str) -> Credential | None:
        claims = self._signer.read(token)
        now = self._clock.now()
        if not claims or not claims["nbf"] * 1000 <= now < claims["exp"] * 1000:
            return None
        session = self._state.sessions.get(claims["sub"])
        project = session and self._state.projects.get(session.project_id)
        if not project or project.deleted is not None:
            return None
        return Credential(project=project, session=session, watermark=project.watermark)


def _read_bearer(authorization: str | None) -> str | None:
    if not authorization or authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip() or None
