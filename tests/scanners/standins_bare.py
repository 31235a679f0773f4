"""The stand-ins, on a machine that has nothing to hold a scanner with."""

import sys
from typing import Final

from tests.scanners.standins import perform
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.wire.control import Support

MODULE: Final = "tests.scanners.standins_bare"


def nothing() -> Support:
    """Return the confinement of an old kernel without the libraries."""
    return Support(seccomp=False, landlock_abi=0, libarchive=False, videos=False)


if __name__ == "__main__":
    run(sys.argv[1:], perform, offer=nothing)
