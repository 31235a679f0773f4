"""The hostile stand-in, on a machine with Landlock but without libseccomp."""

import sys
from typing import Final

from tests.scanners.standins_hostile import perform
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.inside.sandbox import support
from uploadfilter.scanners.wire.control import Support

MODULE: Final = "tests.scanners.standins_landlocked"


def offered() -> Support:
    """Return the confinement without the filter of system calls."""
    return Support(seccomp=False, landlock_abi=support().landlock_abi)


if __name__ == "__main__":
    run(sys.argv[1:], perform, offer=offered)
