"""Forms of clients that cannot be run here, as captured or as their source writes them.

They are in ``forms/captured.json``: each character of its lines stands for one byte,
each line ends in CRLF except the last, ``@PHOTO@`` stands for the bytes of a picture,
and ``@LENGTH@`` for their number. The captures of browsers are those of Werkzeug's own
tests (BSD licence).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.sites.formreaders import PROGRAMS

PHOTO = b"@PHOTO@"
LENGTH = b"@LENGTH@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A form.

    Attributes:
        source: Where it comes from.
        content_type: Value of Content-Type.
        lines: The lines of its body.
        headers: More headers of the request.
    """

    source: str
    content_type: str
    lines: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, photo: bytes) -> bytes:
        """Return the body with a picture."""
        text = "\r\n".join(self.lines).encode("latin-1")
        return text.replace(PHOTO, photo).replace(LENGTH, b"%d" % len(photo))


def captured() -> dict[str, Captured]:
    """Return the forms by client."""
    told = json.loads((PROGRAMS / "captured.json").read_text(encoding="utf-8"))
    return {name: Captured(**each) for name, each in told.items()}
