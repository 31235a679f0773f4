"""Judge whether an upload is what its route takes.

A route may name the families of files that it takes. Each content that a client sent is
judged by the kind of its bytes, in this order:

1. Nothing, and the short texts of a form's fields, pass: they are part of every form.
2. Any other content has to be of a family that the route takes. Bytes of an unknown
   kind are of no family.
3. A picture, a video and a sound hold no other files: whatever was found in one has to
   be a picture, or of a family that the route takes. So a picture with an archive
   behind it is no picture; but the video of a motion photo is a part of its picture.
4. On a route for pictures only, a content that was not compared whole is rejected,
   whatever the policy says.

Rules this module keeps: a content that is not known to be taken is not taken; a
failure of the filter itself is not the upload's fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from uploadfilter.contents.kinds.families import (
    FAMILIES,
    FileFamily,
    families_of,
    holds_no_files,
)
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.model import INCAPACITY, Reason, Scan

MOST_FIELD_BYTES: Final = 64 * 1024
"""Bytes of all texts in the fields of one form that pass: a description of 10,000
characters and the hidden state of a page. Longer ones are judged as files are."""

_KINDS: Final = frozenset(kind.value for kind in Kind)

_NO_FAULT: Final = INCAPACITY | {Reason.EVIDENCE_UNFINISHED}
"""Reasons that do not say that a content was not compared whole: the client has to try
again, or only the search for altered copies was not finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """What a route takes, and how the contents of an upload were sent.

    Attributes:
        families: The families that the route takes; all of them for everything.
        fields: Paths of the contents that are fields of a form, and no files.
        aside: Paths of the contents that are other readings of bytes of other contents,
            which nobody sent as files.
    """

    families: frozenset[FileFamily] = FAMILIES
    fields: frozenset[str] = frozenset()
    aside: frozenset[str] = frozenset()

    def takes(self, scans: Sequence[Scan], *, is_scanned: bool = True) -> bool:
        """Return whether every content of an upload is taken.

        Args:
            scans: The scans of all of its contents.
            is_scanned: Whether its contents were scanned; if not, their kinds are
                unknown.
        """
        if self.families == FAMILIES:
            return True
        fields = [scan for scan in scans if self._is_text_field(scan)]
        if sum(scan.size for scan in fields) > MOST_FIELD_BYTES:
            fields = []
        return all(
            scan.path in self.aside
            or any(scan is each for each in fields)
            or self._takes_file(scan, is_scanned=is_scanned)
            for scan in scans
        )

    def needs_whole(self, scan: Scan, reason: Reason) -> bool:
        """Return whether a content is rejected because of a reason in its scan."""
        if self.families == FAMILIES or reason in _NO_FAULT or scan.path in self.aside:
            return False
        return self.families == {FileFamily.PICTURES} or scan.kind not in _KINDS

    def _is_text_field(self, scan: Scan) -> bool:
        return scan.path in self.fields and FileFamily.TEXTS in families_of(scan.kind)

    def _takes_file(self, scan: Scan, *, is_scanned: bool) -> bool:
        if scan.kind not in _KINDS:
            # Its reason decides; see ``needs_whole``.
            return scan.reason is not None or not is_scanned
        kind = Kind(scan.kind)
        if kind is Kind.EMPTY or families_of(kind).isdisjoint(self.families):
            return kind is Kind.EMPTY
        taken = self.families | {FileFamily.PICTURES}
        if FileFamily.PICTURES in families_of(kind):
            taken |= {FileFamily.VIDEOS}
        return not holds_no_files(kind) or all(
            nested.kind == Kind.EMPTY or not taken.isdisjoint(families_of(nested.kind))
            for nested in scan.walk()
        )
