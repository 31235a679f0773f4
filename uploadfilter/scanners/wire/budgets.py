"""Define the limits of the scan of one content and of one upload."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

LEAST_ADDRESS_SPACE: Final = 384 * 1024 * 1024
"""Least address space in bytes: the interpreter with its libraries has 240 MiB before
its first picture on Debian 13, and 270 MiB on Debian 12; PyAV adds 97."""

MOST_CONTENTS: Final = 100_000
"""Most contents nested in one content of any length: their paths and digests then have
20 MB in the replies."""

MOST_SIGNALS: Final = 98_304
"""Most signals of one content of any length: those of 3,072 views, whose planes have 48
MiB in the replies."""

VIDEO_VIEWS: Final = 1200
"""Most views of one video: two a second for ten minutes. Their planes have 20 MB in the
replies, and their signals take half of those of an upload."""

_FIRST_MIB: Final = 32
"""First MiB of a content, which may be one picture or one package of programs. They add
at most 64 s."""

_UPLOAD_CPU_S: Final = 10.0
_CONTENTS: Final = 5.0
"""How many contents of an upload may cost as much as one may."""

_LARGE_SHARE: Final = 0.6
"""Share of its address space that a large process may hold as pixels: the interpreter
with its libraries takes 270 MiB, and what is shown of a picture some more."""

_WALL_FOR_CPU: Final = 4
"""Seconds by the clock for each CPU second that is added. There may be twice as many
slow scans at a time as CPUs, and fast ones go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The limits of the scan of one content and of one upload.

    Attributes:
        max_pixels: Most pixels of a picture after scaled decoding. 64 million are
            enough for a full decode of every camera on sale, and need 256 MB as RGB.
        content_cpu_s: CPU seconds for one content. A 12-megapixel progressive JPEG
            needs 0.06, a PNG of 64 million pixels 1.3.
        content_wall_s: Seconds from the start of a content's scan to its reply; ten
            times the CPU time, since a slow scan runs at low priority and must still
            end on a busy machine.
        upload_cpu_s: CPU seconds for all contents of one upload; by default 10, or five
            times ``content_cpu_s`` if that is more. A form of a hundred photos of 12
            megapixels needs 2.
        upload_wall_s: Seconds for all contents of one upload, without waiting.
        per_gib_s: CPU seconds added for every GiB of content, and four times as many
            seconds by the clock, since a long video is read to its end and is not an
            attack. An album of photos of 2 megapixels takes 31, a packed archive of
            them some more.
        first_mib_s: Further CPU seconds for each of the first 32 MiB, which may be one
            large picture (a HEIC takes 0.15) or one package of programs (4,000 little
            files in 1.8 MiB take 4). Many short contents get ``content_cpu_s`` each,
            which is more.
        address_space: Bytes of address space of a scanner process. A full decode of
            ``max_pixels`` in RGB takes a third of it.
        large_address_space: Bytes of address space of the one process that decodes
            pictures which need more than 200,000,000 bytes for pixels. At 2 GiB it
            decodes 100 megapixels, with 1.4 GiB resident. 0 for no such process: these
            pictures are then ``too_many_pixels``.
        max_views: Most views of one content. 90 are 30 frames with transparency, each
            as stored, on white and on black; an icon of 13 entries has 130 before equal
            views are merged.
        max_signals: Most signals of one content. 64 views have 2,048 with PDQ and pHash
            alone, 3,584 with all types; 160 views have 5,120 with PDQ and pHash.
        max_upload_signals: Most signals of one content of an upload, including nested
            contents; a thousand photos have half as many.
        signals_per_mib: Signals added to ``max_upload_signals`` for every MiB of
            content, up to ``MOST_SIGNALS`` in all: those of a transparent icon, since
            packages of programs have hundreds of large ones.
        max_contents: Most contents nested in one content, at all depths together. Of
            486 archives of Debian's packages, 18 have more than 1,000 members and 5
            more than 5,000; a thousand texts take 0.1 s, which the CPU seconds limit.
        contents_per_mib: Contents added to ``max_contents`` for every MiB of content,
            up to ``MOST_CONTENTS`` in all. No archive has more: even an empty member
            takes 35 packed bytes. Packages of programs have up to 22,000.
        max_depth: Greatest depth of nested contents: 5 is a photo in the preview, in
            PDF, of a document in an archive in a packed backup.
        max_frames: Most frames of one picture that become views; if there are more, the
            first, the last, the longest shown, and others at even distances.
        max_total_pixels: Most pixels of all frames of one picture together, including
            frames that are only decoded because later ones build on them: 30 frames in
            full HD, 500 of a usual animation, 7 scanned pages.
        max_ratio: Most unpacked bytes for each packed byte. Text reaches 20, the limit
            of deflate itself is 1,032; below 24 MiB unpacked nothing is refused for its
            ratio.
        max_output_bytes: Most bytes unpacked from one content, at all depths together:
            as many as the largest body has.
        max_held_bytes: Most bytes of an unpacked content that is held in memory to be
            looked into (pictures, containers); longer ones are searched in passing.
        max_decoded_bytes: Most bytes of pixels that a decoder holds at a time. 50
            megapixels as RGB, and with the libraries 300 MiB resident.
        max_jpeg_scans: Most scans of a progressive JPEG; encoders write about ten.
    """

    max_pixels: int = 64_000_000
    content_cpu_s: float = 2.0
    content_wall_s: float = 20.0
    upload_cpu_s: float = 0.0
    upload_wall_s: float = 60.0
    per_gib_s: float = 60.0
    first_mib_s: float = 2.0
    address_space: int = 1024 * 1024 * 1024
    large_address_space: int = 2 * 1024 * 1024 * 1024
    max_views: int = 160
    max_signals: int = 5120
    max_upload_signals: int = 65_536
    signals_per_mib: int = 1024
    max_contents: int = 5000
    contents_per_mib: int = 30_000
    max_depth: int = 5
    max_frames: int = 60
    max_total_pixels: int = 64_000_000
    max_ratio: int = 200
    max_output_bytes: int = 2 * 1024 * 1024 * 1024
    max_held_bytes: int = 128 * 1024 * 1024
    max_decoded_bytes: int = 200_000_000
    max_jpeg_scans: int = 100

    def __post_init__(self) -> None:
        """Derive one budget, and refuse those with which nothing could be scanned."""
        if not self.upload_cpu_s:
            derived = max(_UPLOAD_CPU_S, _CONTENTS * self.content_cpu_s)
            object.__setattr__(self, "upload_cpu_s", derived)
        # One look at all of them: a scanner makes them anew for each upload.
        if any(map((0.0).__ge__, _positive_of(self))):
            name = next(name for name in _POSITIVE if getattr(self, name) <= 0)
            raise ValueError(f"{name} must be positive")
        if any(map((0.0).__gt__, _not_negative_of(self))):
            name = next(name for name in _NOT_NEGATIVE if getattr(self, name) < 0)
            raise ValueError(f"{name} must not be negative")
        if self.address_space < LEAST_ADDRESS_SPACE:
            raise ValueError(f"address_space must be at least {LEAST_ADDRESS_SPACE}")
        if 0 < self.large_address_space < self.address_space:
            raise ValueError("large_address_space must be 0 or at least address_space")

    @property
    def max_large_bytes(self) -> int:
        """Return the most bytes that the decoder of a large picture may hold."""
        return int(self.large_address_space * _LARGE_SHARE)

    def for_content(self, length: int) -> "Bounds":
        """Return the bounds of a content of ``length`` bytes, which grow with it."""
        return Bounds(
            max_views=self.max_views,
            max_signals=self.max_signals,
            max_upload_signals=self.signals_for(length),
            max_contents=self.contents_for(length),
            max_depth=self.max_depth,
        )

    def contents_for(self, length: int) -> int:
        """Return the most contents that may be nested in one of ``length`` bytes."""
        more = self.contents_per_mib * length >> 20
        most = max(self.max_contents, MOST_CONTENTS)
        return min(self.max_contents + more, most)

    def signals_for(self, length: int) -> int:
        """Return the most signals of a content of ``length`` bytes."""
        more = self.signals_per_mib * length >> 20
        most = max(self.max_upload_signals, MOST_SIGNALS)
        return min(self.max_upload_signals + more, most)

    def allowance(self, length: int) -> float:
        """Return the CPU seconds that are added for ``length`` bytes of content."""
        first_mib = min(length / (1 << 20), _FIRST_MIB)
        return self.per_gib_s * length / (1 << 30) + self.first_mib_s * first_mib

    def wall_allowance(self, length: int) -> float:
        """Return the seconds by the clock that are added for ``length`` bytes."""
        return _WALL_FOR_CPU * self.allowance(length)


_POSITIVE: Final = (
    *("max_pixels", "content_cpu_s", "content_wall_s", "upload_cpu_s", "upload_wall_s"),
    *("max_views", "max_signals", "max_upload_signals", "max_frames"),
    *("max_total_pixels", "max_ratio", "max_output_bytes", "max_held_bytes"),
    *("max_decoded_bytes", "max_jpeg_scans"),
)
_NOT_NEGATIVE: Final = (
    *("per_gib_s", "first_mib_s", "signals_per_mib", "max_contents"),
    *("contents_per_mib", "max_depth", "large_address_space"),
)
_positive_of: Final = attrgetter(*_POSITIVE)
_not_negative_of: Final = attrgetter(*_NOT_NEGATIVE)


class Holds(Protocol):
    """The limits of one content's findings, fixed or growing with its length."""

    @property
    def max_views(self) -> int:
        """Return the most views of one content."""

    @property
    def max_signals(self) -> int:
        """Return the most signals of one content."""

    @property
    def max_upload_signals(self) -> int:
        """Return the most signals of one content, including nested contents."""

    @property
    def max_contents(self) -> int:
        """Return the most contents nested in one content."""

    @property
    def max_depth(self) -> int:
        """Return the greatest depth of nested contents."""


def findings_for(budgets: Holds, kind: str) -> tuple[int, int]:
    """Return the most views and the most signals of one content of a kind."""
    if kind != _VIDEO:
        return budgets.max_views, budgets.max_signals
    return (
        max(budgets.max_views, VIDEO_VIEWS),
        max(budgets.max_signals, budgets.max_upload_signals),
    )


_VIDEO: Final = "video"


class Bounds(NamedTuple):
    """The limits of one content's findings: the budgets that replies must keep."""

    max_views: int
    max_signals: int
    max_upload_signals: int
    max_contents: int
    max_depth: int
