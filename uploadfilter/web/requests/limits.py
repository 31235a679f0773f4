"""Limits on the number of requests and on the time that each may take."""

from dataclasses import dataclass
from typing import Final

RESERVED_DESCRIPTORS: Final = 128 + 256
"""Descriptors that are kept free for the decision log, the reference set and the
scanners, and for connections that are being turned away."""

LEAST_SHARE: Final = 16
"""With 1,024 descriptors, the fewest that any system gives, the share is 213."""

CONNECTIONS_PER_UPLOAD: Final = 4
"""Connections of a client for each upload that it may have open: most are idle."""

LEAST_CONNECTIONS: Final = 64
"""Least limit of the connections of a client: ten browsers open six each."""

DESCRIPTORS_PER_UPLOAD: Final = 4
"""Two spools, the descriptor for a scanner, and the connection to the origin."""


FREE_CHUNKS: Final = 1024
"""Chunks of a body that may be of any size: a client that writes its data as it gets it
makes some hundred of them. A chunk costs about a microsecond to parse."""

LEAST_CHUNK_BYTES: Final = 16
"""Bytes for each further chunk. At this size, parsing a byte costs about as much as
scanning it; with chunks of one byte it would cost sixteen times as much, and a client
would keep the proxy busy with nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    """Bounds of connections, clients and time.

    A client is an IPv4 address or an IPv6 network of 64 bits. Limits for each client
    apply only to clients that can be distinguished: behind a front end on this machine
    that is not configured as trusted, all clients have one address, and none of these
    limits applies.

    Attributes:
        connections: Most connections of clients at once; ten thousand idle ones take 50
            MB. The limit is lower if the process may not have enough descriptors.
            Beyond it the oldest idle one is closed, or else the newest is answered 503.
        connections_per_client: Most connections of one client; 0 is four times its
            ``open_uploads_per_client``, and at least 64. A browser opens six; 256 are
            enough for forty browsers behind one address. Beyond: 429. Connections of
            trusted proxies are not counted.
        open_uploads: Most uploads that are read or inspected at once. For one more, a
            slow body is ended, or it is answered 503. Each may hold a megabyte.
        open_uploads_per_client: Most open uploads of one client, a quarter of all. If
            three quarters are open, it is as many as are left. A phone has up to ten
            open. A client may have four times as many connections, and at least 64.
            Beyond: 429.
        longest_wait_s: Longest expected wait of an upload for a scanner; an upload that
            would wait longer is answered 503 at its head. An upload that waits two
            seconds is served, one that is answered 503 is lost for most people, and
            sending photos of some megabytes takes longer than that.
        match_budget: Rejections by policy that a client gets within an hour; then all
            its uploads are answered 429 until the hour ends. An innocent person does
            not get twenty in an hour.
        match_window_s: Length of the window; it begins with the first rejection.
        tripwire_networks: Number of networks (/24 of IPv4, /48 of IPv6) from which
            uploads of a day must look like an entry, without an exact copy, for it to
            be demoted: it then rejects exact copies only. In a pilot an entry matches
            uploads of a handful of people a month. A hundred networks in a day mean a
            picture that everybody has, or an attacker who controls a hundred networks,
            and gains only the re-encoded copies of one picture until a person checks.
            Above 10,000, no entry is ever demoted.
        head_s: Longest time from the first byte of a request's head to its end; then
            408. Ten seconds outlast three lost packets.
        head_bytes: Longest head of a request; beyond: 431. nginx's
            ``large_client_header_buffers`` are 32 KiB too.
        body_idle_s: Longest pause between two pieces of a body; nginx's
            ``client_body_timeout`` is 60 s, but an upload here holds a spool.
        body_grace_s: Time in which a body may be arbitrarily slow, so that a phone that
            changes networks can continue.
        body_rate_bytes_s: Least average rate after ``body_grace_s``; a 2G connection
            has 5 KB/s.
        body_total_s: Longest time for any body, whatever its rate.
        record_s: How long a decision may take to be on disk; a disk that takes longer
            is stuck, and clients and their spools must not wait for it.
        log_room_s: How long an upload waits for room on the disk of the decision log
            before it is answered 503. Deleting old files takes a second or two. The
            body is not read meanwhile.
        answer_idle_s: How long a client may accept nothing of an answer that waits for
            it; its upload is held and counted as open until then. nginx's
            ``send_timeout`` is 60 s.
        waiting_answers: Number of answers that wait for their clients from which on
            slow ones are broken off (less than 8 KB/s), beginning with those of the
            network that has the most. Each may hold 1.5 MB of memory, and a client
            that asks for large files and reads none would fill it.
        linger_s: How long the rest of a refused body is read and thrown away, so that
            the client can read its answer; nginx's ``lingering_timeout`` is 5 s.
        keep_alive_s: How long an idle connection of a client is kept; nginx's
            ``keepalive_timeout`` is 75 s.
        header_line_bytes: Longest line of a request head, 8 KiB as in nginx and Apache.
        header_lines: Most lines of a request head.
        half_closed_s: How long the proxy waits for the origin after a client has closed
            its own side. A client that has disconnected looks the same, and most
            answers arrive within this time.
        drain_s: How long requests have to finish when the service is stopped.
        drain_idle_s: The part of ``drain_s`` in which idle connections may still bring
            one more request, which is answered and ends its connection: closing a
            connection at the moment it is used would lose the request. A busy front end
            uses each of its connections within a second.
    """

    connections: int = 10_000
    connections_per_client: int = 0
    open_uploads: int = 256
    open_uploads_per_client: int = 64
    longest_wait_s: float = 2.0
    match_budget: int = 20
    match_window_s: float = 3600.0
    tripwire_networks: int = 100
    head_s: float = 10.0
    head_bytes: int = 32 * 1024
    body_idle_s: float = 30.0
    body_grace_s: float = 60.0
    body_rate_bytes_s: float = 1024.0
    body_total_s: float = 3600.0
    record_s: float = 30.0
    log_room_s: float = 5.0
    answer_idle_s: float = 60.0
    waiting_answers: int = 1024
    linger_s: float = 5.0
    keep_alive_s: float = 75.0
    header_line_bytes: int = 8190
    header_lines: int = 100
    half_closed_s: float = 10.0
    drain_s: float = 30.0
    drain_idle_s: float = 2.0

    def __post_init__(self) -> None:
        """Derive one limit, and refuse limits that are not positive."""
        if self.connections_per_client == 0:
            derived = CONNECTIONS_PER_UPLOAD * self.open_uploads_per_client
            most = max(derived, LEAST_CONNECTIONS)
            object.__setattr__(self, "connections_per_client", most)
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")

    def most_connections(self, descriptors: int) -> int:
        """Return the connections that a process with so many descriptors may accept."""
        return min(self.connections, _shared_out(descriptors))

    def most_open_uploads(self, descriptors: int) -> int:
        """Return the uploads that a process with so many descriptors may have open."""
        share = _shared_out(descriptors) // DESCRIPTORS_PER_UPLOAD
        return min(self.open_uploads, max(share, 1))

    def time_allowed_s(self, received_bytes: int) -> float:
        """Return how long a body with so many bytes may take so far, in seconds."""
        earned_s = self.body_grace_s + received_bytes / self.body_rate_bytes_s
        return min(earned_s, self.body_total_s)


def most_chunks(body_bytes: int) -> int:
    """Return the most chunks in which so many bytes of a body may arrive."""
    return FREE_CHUNKS + body_bytes // LEAST_CHUNK_BYTES


def _shared_out(descriptors: int) -> int:
    """Return a third of the free descriptors.

    One third is for clients; one is for the connections to origins, because each
    request may need one until a slow origin has answered; one is for uploads. A process
    with very few descriptors still accepts some, and reports that at its start.
    """
    return max((descriptors - RESERVED_DESCRIPTORS) // 3, LEAST_SHARE)
