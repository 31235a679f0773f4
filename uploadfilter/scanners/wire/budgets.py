"""What the scan of one content, and of one upload, may cost."""

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

LEAST_ADDRESS_SPACE: Final = 384 * 1024 * 1024
"""Bytes: the interpreter with its libraries has 240 MiB before its first picture on
Debian 13, and 270 MiB on Debian 12."""

MOST_CONTENTS: Final = 100_000
"""Contents nested in one content, however long it is: their paths and digests are then
20 MB on the way to the proxy."""

MOST_SIGNALS: Final = 98_304
"""Signals of one content, however long it is: those of 3,072 views, whose planes are
48 MiB on the way to the proxy."""

_FIRST_MIB: Final = 32
"""MiB of content that may be one picture or one package of programs. They then take
64 s more at most."""

_WALL_FOR_CPU: Final = 4
"""Seconds by the clock for each CPU second that is added. Twice as many scans are slow
at a time as there are CPUs, and quick ones come before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What the scan of one content, and of one upload, may cost.

    Attributes:
        max_pixels: Pixels of a picture after scaled decoding. 64 million cover every
            camera on sale as a full decode, and need 256 MB as RGB.
        content_cpu_s: CPU seconds for one content. A 12-megapixel progressive JPEG
            needs 0.06, a PNG of 64 million pixels 1.3.
        content_wall_s: Seconds from when a scanner begins with a content until its
            reply; ten times the CPU time, since a slow scan runs with a low priority
            and is still to end on a machine that is busy.
        upload_cpu_s: CPU seconds for all contents of one upload. A form of a hundred
            photos of 12 megapixels needs 2.
        upload_wall_s: Seconds for all contents of one upload, waiting excluded.
        per_gib_s: CPU seconds added for every GiB of content, and four times as many
            by the clock, since a long video is read to its end, which is no attack. An
            album of photos of 2 megapixels takes 31, a packed archive of them some
            more.
        first_mib_s: CPU seconds added besides for each of the first 32 MiB, which may
            be all of a large picture, of which HEIC takes 0.15, or of a package of
            programs: one of 4,000 little files in 1.8 MiB takes 4. Many short contents
            get ``content_cpu_s`` each, which is more.
        address_space: Bytes of address space of a scanner process. A full decode of
            ``max_pixels`` in RGB takes a third of it.
        max_views: Views of one content. 90 are 30 frames with transparency, each as
            stored, on white and on black; an icon of 13 entries has 130 before equal
            ones are merged.
        max_signals: Signals of one content. 64 views have 2,048 with PDQ and pHash
            alone, 3,584 with all types; 160 views have 5,120 with PDQ and pHash.
        max_upload_signals: Signals of one upload's content, nested ones included; a
            thousand photos have half as many.
        signals_per_mib: Signals added to ``max_upload_signals`` for every MiB of
            content, up to ``MOST_SIGNALS`` in all: those of an icon that is
            transparent, since packages of programs have hundreds of large ones.
        max_contents: Contents nested in one content, at all depths together. Of 486
            archives of Debian's packages, 18 have more than 1,000 members and 5 more
            than 5,000; a thousand texts take 0.1 s, which the CPU seconds bound.
        contents_per_mib: Contents added to ``max_contents`` for every MiB of content,
            up to ``MOST_CONTENTS`` in all. No archive has more: a member takes 35
            packed bytes, if it has nothing in it. Packages of programs have up to
            22,000.
        max_depth: How deep contents are nested: 5 is a photo in the preview, in PDF, of
            a document in an archive in a backup, which was packed.
        max_frames: Frames of one picture that become views; of more, the first, the
            last, the longest shown and those evenly between.
        max_total_pixels: Pixels of all frames of one picture together, those that are
            only decoded because a later one is built on them included: 30 frames in
            full HD, 500 of a usual animation, 7 scanned pages.
        max_ratio: Unpacked bytes for each packed one. Text reaches 20, deflate's own
            limit is 1,032; below 24 MiB unpacked nothing is refused for it.
        max_output_bytes: Bytes unpacked from one content, at all depths together: as
            much as the largest body.
        max_held_bytes: Bytes of an unpacked content that must be held in memory to be
            looked into (pictures, containers); others are searched as they pass.
        max_decoded_bytes: Bytes of pixels that a decoder holds at a time. 50
            megapixels as RGB, and with the libraries 300 MiB resident.
        max_jpeg_scans: Scans of a progressive JPEG; encoders write about ten.
    """

    max_pixels: int = 64_000_000
    content_cpu_s: float = 2.0
    content_wall_s: float = 20.0
    upload_cpu_s: float = 10.0
    upload_wall_s: float = 60.0
    per_gib_s: float = 60.0
    first_mib_s: float = 2.0
    address_space: int = 1024 * 1024 * 1024
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
        """Refuse budgets that no content could keep."""
        for name in (
            "max_pixels",
            "content_cpu_s",
            "content_wall_s",
            "upload_cpu_s",
            "upload_wall_s",
            "max_views",
            "max_signals",
            "max_upload_signals",
            "max_frames",
            "max_total_pixels",
            "max_ratio",
            "max_output_bytes",
            "max_held_bytes",
            "max_decoded_bytes",
            "max_jpeg_scans",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
        for name in (
            "per_gib_s",
            "first_mib_s",
            "signals_per_mib",
            "max_contents",
            "contents_per_mib",
            "max_depth",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.address_space < LEAST_ADDRESS_SPACE:
            raise ValueError(f"address_space must be at least {LEAST_ADDRESS_SPACE}")

    def for_content(self, length: int) -> "Bounds":
        """Return what a content of ``length`` bytes may hold, which grows with it."""
        return Bounds(
            max_views=self.max_views,
            max_signals=self.max_signals,
            max_upload_signals=self.signals_for(length),
            max_contents=self.contents_for(length),
            max_depth=self.max_depth,
        )

    def contents_for(self, length: int) -> int:
        """Return how many contents may be nested in one of ``length`` bytes."""
        more = self.contents_per_mib * length >> 20
        most = max(self.max_contents, MOST_CONTENTS)
        return min(self.max_contents + more, most)

    def signals_for(self, length: int) -> int:
        """Return how many signals a content of ``length`` bytes may have."""
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


class Holds(Protocol):
    """What one content may hold, be it as budgets or grown with it."""

    @property
    def max_views(self) -> int:
        """Views of one content."""

    @property
    def max_signals(self) -> int:
        """Signals of one content."""

    @property
    def max_upload_signals(self) -> int:
        """Signals of one content, nested ones included."""

    @property
    def max_contents(self) -> int:
        """Contents nested in one content."""

    @property
    def max_depth(self) -> int:
        """How deep contents are nested."""


class Bounds(NamedTuple):
    """What one content may hold: those of the budgets that an answer is held to."""

    max_views: int
    max_signals: int
    max_upload_signals: int
    max_contents: int
    max_depth: int
