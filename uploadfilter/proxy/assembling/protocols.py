"""The protocols for uploads in pieces that a route may name.

To add one: a member of ``UploadProtocol`` (``proxy/routing/routes.py``), a walk beside
``tus.py``, its line in ``_WALKS``, and its heads in ``uploads/assembly``.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from aiohttp import web

from uploadfilter.proxy.assembling.bench import Workbench
from uploadfilter.proxy.assembling.nextcloud import Nextcloud
from uploadfilter.proxy.assembling.s3 import S3
from uploadfilter.proxy.assembling.tus import Tus
from uploadfilter.proxy.assembling.webforms import WebForms
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.proxy.routing.routes import UploadProtocol
from uploadfilter.uploads.head.plan import BodyPlan, Refusal


class ProtocolServer(Protocol):
    """Answers the requests of one protocol."""

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a request; ``None`` if it is treated as on any other route."""


_WALKS: Final[Mapping[UploadProtocol, Callable[[Workbench], ProtocolServer]]] = {
    UploadProtocol.TUS: Tus,
    UploadProtocol.S3: S3,
    UploadProtocol.FORMS: WebForms,
    UploadProtocol.NEXTCLOUD: Nextcloud,
}


class Assembling:
    """Answers requests on routes that name a protocol.

    Args:
        bench: The tools of each protocol.
    """

    def __init__(self, bench: Workbench) -> None:
        self._walks = {name: make(bench) for name, make in _WALKS.items()}

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a request; ``None`` if it is treated as on any other route."""
        protocol = arrival.route.protocol
        if protocol is None or arrival.route.exempt:
            return None
        return await self._walks[protocol].answer(arrival, body)
