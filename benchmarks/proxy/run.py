"""What does the proxy cost in addition to its actual work, and is it robust?

- **cpu**: CPU seconds of *all* processes for one upload, beside the bare pipeline.
- **doors**: the same of an upload that a program asks about, beside one through the
  proxy.
- **uploads**: uploads a second and latency, beside a plain aiohttp forwarder.
- **passing**: small requests and downloads, beside that forwarder, nginx, and nothing.
- **oracle**: whether the time of an answer tells if a file is listed.
- **overload**: twice the capacity is offered.
- **attacks**: how one attacker affects an innocent client.
- **restart**: how many requests a rolling restart of two instances loses.

Contenders run in turn, several rounds, in one run; compare ratios. Every answer is
checked, and a wrong one fails the run: a proxy that drops work would seem fast.
"""

from benchmarks.proxy.attacks import attacks
from benchmarks.proxy.cost import cpu, uploads
from benchmarks.proxy.doors import doors
from benchmarks.proxy.oracle import oracle
from benchmarks.proxy.overload import overload
from benchmarks.proxy.passing import passing
from benchmarks.proxy.restarting import restarting

PACKAGES = ("aiohttp", "uvloop", "numpy", "pillow", "lmdb")
PARTS = {
    "cpu": cpu,
    "doors": doors,
    "uploads": uploads,
    "passing": passing,
    "oracle": oracle,
    "overload": overload,
    "attacks": attacks,
    "restart": restarting,
}
"""The parts by their names on the command line, in the order in which they run."""
