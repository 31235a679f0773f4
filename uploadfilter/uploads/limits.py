"""Limits on the part of a request that is read before it is refused.

Each limit is inclusive: a value that equals it still passes. Only framing is limited
here; budgets of scanners limit the work on contents.
"""

from dataclasses import dataclass

_KIB = 1024
_GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """Limits of one request's framing.

    Attributes:
        max_body_bytes: Longest body. 2 GiB is what common hosting panels allow for
            one upload, and a spool of 20 GiB holds ten of them.
        max_parts: Most parts of a form, fields and files together. The settings page
            of a large site sends over a thousand fields; each costs 0.2 milliseconds
            of CPU.
        max_files: Most parts of a form that are files. Origins take fewer by default:
            PHP 20, Django 100.
        max_part_header_bytes: Longest header section of a part, without the empty line
            that ends it. Browsers send under 300; Django refuses more than 1,024.
        max_part_headers: Most header lines of a part. RFC 7578 knows three; clients
            that copy mail software, or HTTP itself, send a dozen. Only five go on.
        max_name_bytes: Longest field name or file name, in UTF-8. File systems take 255
            characters, which are at most 1,020 bytes.
    """

    max_body_bytes: int = 2 * _GIB
    max_parts: int = 3_000
    max_files: int = 1_000
    max_part_header_bytes: int = 4 * _KIB
    max_part_headers: int = 32
    max_name_bytes: int = 1_024

    def __post_init__(self) -> None:
        """Refuse a limit that is not positive."""
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
