"""Hold all settings of ``serve`` in one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.notifysettings import NotifySettings
from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.tree.settings import WitnessSettings
from uploadfilter.doors.settings import APISettings, ClamdSettings
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.forms.settings import (
    FormsSettings,
    NoticeSettings,
    ObjectionSettings,
)
from uploadfilter.forms.statement import StatementSettings
from uploadfilter.inspection.spool import SpoolLimits
from uploadfilter.model import Mode
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.rejections import REJECT_STATUS
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.sealing.settings import SealedEvidenceSettings
from uploadfilter.state import DEFAULT_INSTANCE
from uploadfilter.uploads.head.clientside import ClientHeader, Network
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.answering import texts
from uploadfilter.web.answering.wording import Wording
from uploadfilter.web.clients.addresses import Address, TCPAddress
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.requests.live import LiveSettings
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route, Routes

_LISTEN = TCPAddress(host="127.0.0.1", port=8080)
"""By default, the proxy can be reached only from this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of ``serve``.

    Attributes:
        origin: The hosting service behind the proxy, for requests that fit no route;
            ``None`` to answer them 404.
        routes: The routes in the operator's order, without the default route.
        instance: Name of this proxy among those that share the state directory.
        mode: ``MONITOR`` until the operator has counted, then ``ENFORCE``.
        wording: Texts of answers to clients, and addresses for objections and reports.
        spool_directory: Folder of unlinked files for bodies over the memory limit.
        scanner: Number of processes, and the budgets of the table ``[budgets]``.
    """

    state: Path
    origin: OriginSettings | None = None
    origins: Mapping[str, OriginSettings] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    listen: tuple[Address, ...] = (_LISTEN,)
    instance: str = DEFAULT_INSTANCE
    mode: Mode = Mode.MONITOR
    reject_status: int = REJECT_STATUS
    trusted_proxies: tuple[Network, ...] = ()
    client_header: ClientHeader = ClientHeader.X_FORWARDED_FOR
    wording: Wording = field(default_factory=texts.load)
    spool_directory: str | None = None
    limits: UploadLimits = field(default_factory=UploadLimits)
    proxy: ProxyLimits = field(default_factory=ProxyLimits)
    spool: SpoolLimits = field(default_factory=SpoolLimits)
    upload_store: StoreSettings = field(default_factory=StoreSettings)
    thresholds: Thresholds = field(default_factory=Thresholds)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    policy: Policy = field(default_factory=Policy)
    scanner: ScannerSettings = field(default_factory=ScannerSettings)
    log: LogSettings = field(default_factory=LogSettings)
    witnesses: WitnessSettings = field(default_factory=WitnessSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    sealed_evidence: SealedEvidenceSettings = field(
        default_factory=SealedEvidenceSettings
    )
    admin: AdminSettings = field(default_factory=AdminSettings)
    api: APISettings = field(default_factory=APISettings)
    clamd: ClamdSettings = field(default_factory=ClamdSettings)
    forms: FormsSettings = field(default_factory=FormsSettings)
    objections: ObjectionSettings = field(default_factory=ObjectionSettings)
    statements: StatementSettings = field(default_factory=StatementSettings)
    notices: NoticeSettings = field(default_factory=NoticeSettings)

    @property
    def live(self) -> LiveSettings:
        """Return the settings that may change while the service runs."""
        is_asked = bool(self.api.listen or self.clamd.listen)
        is_whole = is_asked or self.origin is not None
        rest = (self._default_route,) if is_whole else ()
        default = {} if self.origin is None else {DEFAULT_ROUTE: self.origin}
        return LiveSettings(
            routes=Routes((*self.routes, *rest)),
            mode=self.mode,
            origins={**self.origins, **default},
            trusted_proxies=self.trusted_proxies,
            client_header=self.client_header,
            thresholds=self.thresholds,
            evidence=self.evidence,
            limits=self.proxy,
            wording=self.wording,
        )

    @property
    def proxy_listen(self) -> tuple[Address, ...]:
        """The addresses of the proxy; none if it has no origin to forward to."""
        return self.listen if self.origin is not None or self.routes else ()

    @property
    def _default_route(self) -> Route:
        return Route(
            name=DEFAULT_ROUTE,
            origin=DEFAULT_ROUTE,
            mode=self.mode,
            reject_status=self.reject_status,
            limits=self.limits,
            policy=self.policy,
        )
