"""Define a template's reports to the proxy: starts and ends of processes.

Each report is one packet on a socket that keeps packets apart. An order is the packet
``FORK`` or ``FORK_LARGE`` with one end of a socket, which the new scanner will serve.
Both ends are trusted: a scanner closes this socket before it sees anything of a client.
"""

import signal
from typing import Final

import msgspec

FORK: Final = b"fork"
FORK_LARGE: Final = b"large"
"""The orders: the second one is for a scanner with more address space."""

CPU_DEATHS: Final = frozenset({-signal.SIGPROF, -signal.SIGXCPU})
"""Return codes of a process that used up its CPU seconds."""

MAX_REPORT_BYTES: Final = 4096
"""Longest packet; the text of an error is cut to a quarter of it."""


class Support(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The confinement and the libraries that this machine offers a scanner.

    Attributes:
        seccomp: Whether system calls can be filtered.
        landlock_abi: Version of Landlock; 0 if there is none.
        libarchive: Whether 7z, RAR and other archives can be opened; not a part of the
            confinement.
        videos: Whether frames of videos can be read, with PyAV, which is an extra.
    """

    seccomp: bool
    landlock_abi: int
    libarchive: bool = True
    videos: bool = True

    @property
    def lacks(self) -> tuple[str, ...]:
        """Return the names of missing parts; empty if scanners are fully confined."""
        offered = {"seccomp": self.seccomp, "landlock": self.landlock_abi > 0}
        return tuple(name for name, is_there in offered.items() if not is_there)


class Started(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """The first report: everything is imported, and scanners can be forked."""

    support: Support


class Forked(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """A scanner was forked; its pidfd comes with the packet."""

    pid: int


class ForkRefused(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """No scanner could be forked; answers are in the order of the orders."""

    error: str


class Died(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """A scanner has ended and was reaped.

    Attributes:
        pid: Its process id, which the kernel may use again from now on.
        code: Exit code, negative for the number of the signal that killed it.
        cpu_s: CPU seconds that it used.
    """

    pid: int
    code: int
    cpu_s: float


Report = Started | Forked | ForkRefused | Died

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Report]] = msgspec.msgpack.Decoder(Report)


def encode_report(report: Report) -> bytes:
    """Encode a report as one packet."""
    return _encoder.encode(report)


def decode_report(packet: bytes) -> Report:
    """Decode a packet from a template."""
    return _decoder.decode(packet)
