"""The proxy never loads modules that open hostile bytes or confine a scanner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.repository import ROOT

SERVING = """
import atexit, sys

atexit.register(lambda: print(*sys.modules))
from uploadfilter.cli import main

main()
"""
"""The program, which reports its loaded modules at its end."""

OPENS = frozenset(
    {
        *(
            "PIL",
            "av",
            "imagehash",
            "libarchive",
            "pillow_heif",
            "pillow_jxl",
            "pypdfium2_raw",
        ),
        *("landlock", "pyseccomp"),
        "uploadfilter.pictures.opening",
    }
)
"""Modules that decode, unpack or confine."""


def test_started_proxy_has_loaded_no_decoder(tmp_path: Path) -> None:
    """From its start to its end, the proxy loads no module that a file could attack."""
    options = ("--origin", "http://127.0.0.1:9", "--listen", "127.0.0.1:0")
    serving = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", SERVING, "serve", *options],
        cwd=ROOT,
        env={**os.environ, "UPLOADFILTER_STATE_DIR": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stderr is not None
    with serving:
        said = next((line for line in serving.stderr if "listening" in line), None)
        serving.send_signal(signal.SIGTERM)
        loaded, rest = serving.communicate(timeout=60)
    modules = frozenset(loaded.split())

    assert said is not None, rest
    assert "uploadfilter.scanners.pool.pool" in modules
    assert modules & OPENS == frozenset()
    assert {m for m in modules if m.startswith("uploadfilter.scanners.inside")} == set()
