"""What a method sends, for the tests that look at requests."""

from collections.abc import Mapping
from typing import Any

import pytest

from craftkit_async import CraftkitError, Request
from craftkit_async.testing import FakeReply, FakeTransport
from tests.contract.document import JSON
from tests.contract.methods import METHODS, WHOLE, Method, call

WITH_PATH = [method for method in METHODS if method.described.parameters("path")]
WITH_QUERY = [method for method in METHODS if method.described.parameters("query")]
WITH_BODY = [method for method in METHODS if method.described.body is not None]
WITH_JSON = [method for method in WITH_BODY if method.described.body_type == JSON and WHOLE not in method.renamed]


def by_operation(part: Any) -> str:
    """Name a test after its operation."""
    return part.operation if isinstance(part, Method) else repr(part)


each_method = pytest.mark.parametrize("method", METHODS, ids=by_operation)
each_with_path = pytest.mark.parametrize("method", WITH_PATH, ids=by_operation)
each_with_query = pytest.mark.parametrize("method", WITH_QUERY, ids=by_operation)
each_with_body = pytest.mark.parametrize("method", WITH_BODY, ids=by_operation)
each_with_json = pytest.mark.parametrize("method", WITH_JSON, ids=by_operation)


async def sent_by(method: Method, arguments: Mapping[str, Any] | None = None) -> Request:
    """Call a method and return what it sends; the reply, which is an error, does not matter here."""
    transport = FakeTransport(lambda _: FakeReply(status=418))
    with pytest.raises(CraftkitError):
        await call(method, transport, arguments)
    return transport.requests[0]
