"""The stand-ins, in a container that refuses calls of the kernel.

Some profiles of containers forbid Landlock's system calls, or allow the one that asks
for the version and no other.
"""

import errno
import sys
from typing import Final

import pyseccomp

from tests.scanners.standins import perform
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.inside.sandbox import support
from uploadfilter.scanners.wire.control import Support

MODULE: Final = "tests.scanners.standins_walled"


def promised() -> Support:
    """Return the confinement before it is entered."""
    offered = support()
    wall = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for call in ("landlock_create_ruleset", "seccomp"):
        wall.add_rule(pyseccomp.ERRNO(errno.EACCES), call)
    wall.load()
    return offered


if __name__ == "__main__":
    run(sys.argv[1:], perform, offer=promised)
