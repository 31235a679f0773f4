"""What ``process.py`` starts: a scanner process with the decoders of this package."""

import sys
from collections.abc import Iterator

from uploadfilter.scanners.messages import ContentSpan, Part, ScanRequest
from uploadfilter.scanners.scanning import prepare, scan_content
from uploadfilter.scanners.template import run


def scan_span(
    fd: int, span: ContentSpan, request: ScanRequest, cpu_s: float
) -> Iterator[Part]:
    """Scan one content as a request says."""
    del cpu_s
    yield Part(
        scan=scan_content(
            fd,
            span,
            types=request.types,
            budgets=request.budgets,
            digests=request.digests,
        )
    )


if __name__ == "__main__":
    prepare()
    run(sys.argv[1:], scan_span)
