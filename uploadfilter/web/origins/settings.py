"""The settings of an origin: its address, its time limits, and what it is told."""

import ssl
from dataclasses import dataclass

from yarl import URL

from uploadfilter.uploads.head.forwarding import Telling
from uploadfilter.web.origins.tls import tls_context

_UNIX = "unix:"


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginSettings:
    """The origin's address, its time limits, and the information that it gets.

    Attributes:
        url: ``http://host[:port]``, ``https://...`` or ``unix:/path/of/socket``.
        connect_timeout_s: Longest wait for a connection; then 504. A server in the same
            rack answers within milliseconds; in five seconds, one lost SYN can be
            repeated after one and three seconds.
        answer_timeout_s: Longest silence of the origin, before and in its answer, or
            while it accepts no byte; then 504. nginx's ``proxy_read_timeout`` is 60 s
            too.
        stream_timeout_s: Longest pause between two bytes of server-sent events
            (``text/event-stream``), or of a WebSocket, which are silent while nothing
            happens. It only ends connections that neither side closes.
        idle_timeout_s: How long an idle connection is kept. Below the five seconds
            after which Node and Apache close theirs, so that a connection is not lost
            at the moment it is used again.
        max_header_bytes: Longest line of the origin's header: twice the limit of nginx,
            because the origin is honest.
        ca_file: Authorities in PEM that may have signed the origin's certificate;
            empty for those of the system.
        server_name: Name that the certificate must hold; empty for the one in ``url``.
        client_certificate: The filter's own certificate for the origin, in PEM; empty
            for none.
        client_key: The key of that certificate, without a password; empty if it is in
            the same file.
        whole_ranges: Whether a ``Content-Range`` (or a header like it) that calls its
            body the whole file is sent on, as artifacts of Gitea and Forgejo and upload
            sessions of OneDrive need it. Never for an origin that writes a range into a
            file that it has, as ``mod_dav`` of Apache does.
        via: The filter's name in ``Via``; empty for no ``Via``.
    """

    url: str
    connect_timeout_s: float = 5.0
    answer_timeout_s: float = 60.0
    stream_timeout_s: float = 3600.0
    idle_timeout_s: float = 4.0
    max_header_bytes: int = 16 * 1024
    ca_file: str = ""
    server_name: str = ""
    client_certificate: str = ""
    client_key: str = ""
    whole_ranges: bool = False
    via: str = "uploadfilter"

    def __post_init__(self) -> None:
        """Refuse a malformed address of an origin."""
        if self.socket_path is None:
            _check_url(URL(self.url))
        elif not self.socket_path.startswith("/"):
            raise ValueError("an origin's socket must be unix:/PATH")
        if not self.url.startswith("https:"):
            for key in ("ca_file", "server_name", "client_certificate", "client_key"):
                if getattr(self, key):
                    raise ValueError(f"{key} needs an origin with https")
        _check_name(self.server_name)
        if self.client_key and not self.client_certificate:
            raise ValueError("client_key needs a client_certificate")
        self.telling()

    @property
    def socket_path(self) -> str | None:
        """Path of the origin's unix socket; ``None`` if it listens on a port."""
        return self.url.removeprefix(_UNIX) if self.url.startswith(_UNIX) else None

    def telling(self) -> Telling:
        """Return the information for the origin about the way of a request."""
        names = {} if self.socket_path else {"authority": URL(self.url).raw_authority}
        return Telling(
            whole_ranges=self.whole_ranges,
            via=self.via,
            **names,
        )

    def tls(self) -> ssl.SSLContext | None:
        """Read the certificates and keys that the settings name.

        Returns:
            The TLS settings; ``None`` for an origin without TLS.

        Raises:
            ServiceError: A file cannot be read, or its content is wrong.
        """
        if not self.url.startswith("https:"):
            return None
        return tls_context(
            ca_file=self.ca_file,
            client_certificate=self.client_certificate,
            client_key=self.client_key,
        )


def _check_url(url: URL) -> None:
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(
            "an origin must be http://HOST[:PORT], https://HOST[:PORT] or unix:/PATH"
        )
    _check_name(url.host)
    if url.raw_user is not None or url.raw_password is not None:
        raise ValueError("an origin must not contain a user or a password")
    if url.path not in {"", "/"} or url.query_string or url.fragment:
        raise ValueError("an origin must not have a path: each request keeps its own")


def _check_name(name: str) -> None:
    """Refuse a name that cannot be looked up, or stand in a certificate."""
    try:
        # Resolver and TLS do the same for each connection; yarl allows empty labels.
        name.encode("idna")
    except UnicodeError as exc:
        raise ValueError(
            "each part of an origin's host must have 1 to 63 characters"
        ) from exc
