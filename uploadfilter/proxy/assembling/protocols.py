"""The protocols for uploads in pieces that a route may name.

To add one: a member of ``UploadProtocol`` (``web/routing/routes.py``), its
``PieceProtocol`` in ``uploads/assembly``, and its line in ``_PROTOCOLS``.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from uploadfilter.proxy.assembling.bench import Workbench
from uploadfilter.proxy.assembling.engine import PieceEngine
from uploadfilter.proxy.assembling.webforms import WebForms
from uploadfilter.uploads.assembly.nextcloud import NEXTCLOUD
from uploadfilter.uploads.assembly.s3 import S3
from uploadfilter.uploads.assembly.steps import PieceProtocol
from uploadfilter.uploads.assembly.tus import TUS
from uploadfilter.uploads.head.plan import BodyPlan, Refusal
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.routing.routes import UploadProtocol

_PROTOCOLS: Final[Mapping[UploadProtocol, PieceProtocol]] = {
    UploadProtocol.TUS: TUS,
    UploadProtocol.S3: S3,
    UploadProtocol.NEXTCLOUD: NEXTCLOUD,
}


class Assembling:
    """Answers requests on routes that name a protocol.

    Args:
        bench: The tools of each protocol.
    """

    def __init__(self, bench: Workbench) -> None:
        self._engines: dict[UploadProtocol, PieceEngine | WebForms] = {
            UploadProtocol.FORMS: WebForms(bench),
            **{name: PieceEngine(bench, each) for name, each in _PROTOCOLS.items()},
        }

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a request; ``None`` if it is treated as on any other route."""
        protocol = arrival.route.protocol
        if protocol is None or arrival.route.exempt:
            return None
        return await self._engines[protocol].answer(arrival, body)
