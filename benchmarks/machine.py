"""Describe the machine of a measurement: milliseconds mean nothing without it."""

import importlib.metadata
import os
import platform
from pathlib import Path

from PIL import features

CPU_INFO = Path("/proc/cpuinfo")


def describe(*packages: str) -> dict[str, object]:
    """Return the facts about this machine that matter.

    Args:
        packages: Distributions whose versions matter to the benchmark.
    """
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libjpeg_turbo": features.version_feature("libjpeg_turbo"),
        "zlib_ng": features.version_feature("zlib_ng"),
        "blas": {
            name: os.environ.get(name)
            for name in ("OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE")
        },
        "packages": {name: importlib.metadata.version(name) for name in packages},
    }


def _cpu_name() -> str:
    """Return the processor's own name for itself."""
    if not CPU_INFO.exists():
        return platform.processor()
    for line in CPU_INFO.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
