"""All operations that the resources describe."""

import importlib
import pkgutil
from typing import Any

from craftkit_async import resources
from craftkit_async._sansio.calls.call import Call, Operation


def _find_operations() -> list[Operation[Any]]:
    found = [
        importlib.import_module(f"{resources.__name__}.{each.name}")
        for each in pkgutil.iter_modules(resources.__path__)
    ]
    operations = {each.name: each for module in found for each in vars(module).values() if isinstance(each, Operation)}
    return [operations[name] for name in sorted(operations)]


OPERATIONS = _find_operations()

# The others hand out the bytes as they are.
READ_AS_JSON = [operation for operation in OPERATIONS if operation.reply is not bytes]


def begin(operation: Operation[Any]) -> Call[Any]:
    """Begin a call with made-up parts of its path."""
    names = [part.strip("{}") for part in operation.path.split("/") if part.startswith("{")]
    return operation.call(**dict.fromkeys(names, "part"))
