"""How many requests the proxy takes and how long each may take."""

from dataclasses import dataclass
from typing import Final

RESERVED_DESCRIPTORS: Final = 128 + 256
"""What is kept free for the decision log, the reference set and the scanners, and for
connections that are being turned away."""

LEAST_SHARE: Final = 16
"""With 1,024 descriptors, the least that any system gives, the share is 213."""

DESCRIPTORS_PER_UPLOAD: Final = 4
"""Two spools, what a scanner is handed, and the connection to the origin."""


FREE_CHUNKS: Final = 1024
"""Chunks of a body that may be as small as they like: a client that writes what it has
makes some hundred of them. A chunk costs about a microsecond to parse."""

LEAST_CHUNK_BYTES: Final = 16
"""Bytes for each further chunk. At this size a byte costs about what it costs to scan
it; at one byte, sixteen times as much, and a client would keep the proxy busy with
nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    """Bounds of connections, clients and time.

    A client is an IPv4 address or an IPv6 network of 64 bits. What is counted by client
    holds for clients that can be told apart: behind a front end on this machine that is
    not configured as trusted, all have one address, and none of it is applied.

    Attributes:
        connections: Connections of clients at once. An idle one takes about 2 KB here
            and 3 KB in the kernel, so that ten thousand of them are 50 MB. Fewer are
            taken where the process may not have the descriptors. Beyond it the oldest
            idle one is closed, or else the newest is answered 503.
        connections_per_client: A browser opens six; these are forty browsers behind
            one translated address, all connected at the same moment. Beyond: 429. What
            trusted proxies open is not counted.
        open_uploads: Uploads that are read or inspected at once. For one more, a slow
            body is ended, or it is shed with 503. Each may hold a megabyte of memory
            and some descriptors.
        open_uploads_per_client: Open uploads of one client. A quarter of all, so that
            it takes four clients to keep everybody else out; a phone that sends its
            pictures has up to ten open.
        longest_wait_s: Longest expected wait of an upload for a scanner; an upload that
            would wait longer is answered 503 at its head. An upload that waits two
            seconds is served, one that is answered 503 is lost for most people, and
            photos of some megabytes take longer to send than that.
        match_budget: Rejections by policy that a client gets within a window; then all
            its uploads are answered 429 until the window ends. Whether an upload is
            rejected tells something of what is listed, so that trying is bounded: an
            innocent person does not have twenty pictures rejected in an hour.
        match_window_s: Length of the window; it begins with the first rejection.
        tripwire_networks: From how many networks (/24 of IPv4, /48 of IPv6) uploads of
            a day must look like an entry, none of them an exact copy, for it to be
            demoted: it then rejects exact copies only. In a pilot an entry matches a
            handful of people a month; a hundred networks in a day are a picture that
            everybody has, or somebody who controls a hundred networks and gains
            the re-encoded copies of one picture until a person looks. Above 10,000,
            nothing is ever demoted.
        head_s: Longest time from the first byte of a request's head to its end; then
            408. nginx's ``client_header_timeout`` is 60 s, but a head is one or two
            packets, and ten seconds outlast three losses of one.
        head_bytes: Longest head of a request; beyond: 431. nginx's
            ``large_client_header_buffers`` are 32 KiB too.
        body_idle_s: Longest pause between two pieces of a body; nginx's
            ``client_body_timeout`` is 60 s, but an upload here holds a spool.
        body_grace_s: Time in which a body may be as slow as it likes, which lets a
            phone that changes networks come back.
        body_rate_bytes_s: Least average rate after ``body_grace_s``; a 2G connection
            has 5 KB/s.
        body_total_s: Longest time for any body, whatever its rate.
        record_s: How long a decision may take to be on disk; a disk that takes longer
            is stuck, and clients and their spools must not wait for it.
        log_room_s: How long an upload waits for room on the disk of the decision log
            before it is answered 503: what deletes old files or rotates them takes
            a second or two, and a client that waits longer takes it for a failure.
            Its body is not read meanwhile.
        answer_idle_s: How long a client may take nothing of an answer that waits for
            it; its upload is held and counted as open until then. nginx's
            ``send_timeout`` is 60 s.
        linger_s: How long the rest of a refused body is read and thrown away, so that
            the client gets to read its answer; nginx's ``lingering_timeout`` is 5 s.
        keep_alive_s: How long an idle connection of a client is kept; nginx's
            ``keepalive_timeout`` is 75 s.
        header_line_bytes: Longest line of a request head, 8 KiB as in nginx and Apache.
        header_lines: Most lines of a request head.
        half_closed_s: How long a client that has ended its own side is waited for while
            nothing comes from the origin. One that has gone looks the same, and most
            answers are there by then.
        drain_s: How long requests get to finish when the service is stopped.
        drain_idle_s: The part of ``drain_s`` in which idle connections may still bring
            one more request, which is answered and ends its connection: closing one at
            the moment that it is used would lose the request. A busy front end uses
            each of its connections within a second.
    """

    connections: int = 10_000
    connections_per_client: int = 256
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
    linger_s: float = 5.0
    keep_alive_s: float = 75.0
    header_line_bytes: int = 8190
    header_lines: int = 100
    half_closed_s: float = 10.0
    drain_s: float = 30.0
    drain_idle_s: float = 2.0

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could pass."""
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")

    def most_connections(self, descriptors: int) -> int:
        """Return how many connections a process with so many descriptors takes."""
        return min(self.connections, _shared_out(descriptors))

    def most_open_uploads(self, descriptors: int) -> int:
        """Return how many uploads a process with so many descriptors takes at once."""
        share = _shared_out(descriptors) // DESCRIPTORS_PER_UPLOAD
        return min(self.open_uploads, max(share, 1))

    def time_allowed_s(self, received_bytes: int) -> float:
        """Return for how long a body may have been arriving, in seconds."""
        earned_s = self.body_grace_s + received_bytes / self.body_rate_bytes_s
        return min(earned_s, self.body_total_s)


def most_chunks(body_bytes: int) -> int:
    """Return in how many chunks so many bytes of a body may come."""
    return FREE_CHUNKS + body_bytes // LEAST_CHUNK_BYTES


def _shared_out(descriptors: int) -> int:
    """Return a third of the descriptors that are free to be used.

    One is for clients; one is for the connections to origins, of which each request may
    need one until a slow origin has answered; one is for uploads. A process that may
    have hardly any takes a few all the same, and says so at its start.
    """
    return max((descriptors - RESERVED_DESCRIPTORS) // 3, LEAST_SHARE)
