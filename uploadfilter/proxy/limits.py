"""How many requests the proxy takes and how long each may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    """Bounds of connections and time.

    Attributes:
        open_uploads: Uploads that are read or inspected at once; one more is shed with
            503. Each may hold a megabyte of memory and some descriptors.
        body_idle_s: Longest pause between two pieces of a body; nginx's
            ``client_body_timeout`` is 60 s, but an upload here holds a spool.
        body_grace_s: A body may be as slow as it likes for so long, which lets a phone
            that changes networks come back.
        body_rate_bytes_s: After that, the least average; a 2G connection has 5 KB/s.
        body_total_s: Longest time for any body, whatever its rate.
        answer_idle_s: How long a client may take nothing of an answer that waits for
            it; its upload is held and counted as open until then. nginx's
            ``send_timeout`` is 60 s.
        linger_s: How long the rest of a refused body is read and thrown away, so that
            the client gets to read its answer; nginx's ``lingering_timeout`` is 5 s.
        keep_alive_s: How long an idle connection of a client is kept; nginx's
            ``keepalive_timeout`` is 75 s.
        header_line_bytes: Longest line of a request head, 8 KiB as in nginx and Apache.
        header_lines: Most lines of a request head.
        drain_s: How long requests get to finish when the service is stopped.
    """

    open_uploads: int = 256
    body_idle_s: float = 30.0
    body_grace_s: float = 60.0
    body_rate_bytes_s: float = 1024.0
    body_total_s: float = 3600.0
    answer_idle_s: float = 60.0
    linger_s: float = 5.0
    keep_alive_s: float = 75.0
    header_line_bytes: int = 8190
    header_lines: int = 100
    drain_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could pass."""
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")

    def time_allowed_s(self, received_bytes: int) -> float:
        """Return for how long a body may have been arriving, in seconds."""
        earned_s = self.body_grace_s + received_bytes / self.body_rate_bytes_s
        return min(earned_s, self.body_total_s)
