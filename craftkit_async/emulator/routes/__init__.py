"""The handlers of all operations in the contract, one module per resource."""

from collections.abc import Mapping
from typing import Final

from craftkit_async.emulator.request_pipeline import Handler
from craftkit_async.emulator.routes import (
    admin,
    embed_forms,
    embed_partner,
    engagement,
    hooks,
    projects,
    renders,
    shares,
    signatures,
    system,
    templates,
)

HANDLERS: Final[Mapping[str, Handler]] = {
    **templates.HANDLERS,
    **renders.HANDLERS,
    **shares.HANDLERS,
    **engagement.HANDLERS,
    **signatures.HANDLERS,
    **embed_partner.HANDLERS,
    **embed_forms.HANDLERS,
    **projects.HANDLERS,
    **admin.HANDLERS,
    **hooks.HANDLERS,
    **system.HANDLERS,
}
