"""How long does the import of a very large hash set take, and how much memory?

The installed command imports JSON lines with three signals each (SHA-256, PDQ, pHash),
as an issuer would send them, into an empty reference set.
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

_LINES_AT_ONCE = 100_000
_SHA256, _PDQ, _PHASH = 64, 64, 16
_DIGITS = _SHA256 + _PDQ + _PHASH
_POLL_S = 0.05


def measure(entries: int, *, seed: int) -> dict[str, object]:
    """Import a number of entries; return seconds and memory.

    ``peak_mb`` is the peak of the process's own memory; ``peak_resident_mb`` also
    counts the pages of the file that it wrote, which the system may take back at any
    time.
    """
    with tempfile.TemporaryDirectory(prefix="uploadfilter-import-") as folder:
        path = Path(folder) / "set.jsonl"
        _write(path, entries, seed)
        size = path.stat().st_size
        command = (
            *(sys.executable, "-m", "uploadfilter", "hashset", "import", str(path)),
            *("--name", "large", "--category", "1", "--state", f"{folder}/state"),
        )
        begun = time.perf_counter()
        peak, resident = _run(command)
        taken = time.perf_counter() - begun
        files = [f for f in (Path(folder) / "state").rglob("*") if f.is_file()]
        return {
            "entries": entries,
            "signals_an_entry": 3,
            "file_mb": round(size / 1e6),
            "seconds": round(taken, 1),
            "peak_mb": round(peak / 1e6),
            "peak_resident_mb": round(resident / 1e6),
            "reference_mb": round(sum(f.stat().st_size for f in files) / 1e6),
        }


def _write(path: Path, entries: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="ascii") as file:
        for first in range(0, entries, _LINES_AT_ONCE):
            count = min(_LINES_AT_ONCE, entries - first)
            digits = rng.bytes(count * _DIGITS // 2).hex()
            file.writelines(
                _line(first + at, digits[at * _DIGITS : (at + 1) * _DIGITS])
                for at in range(count)
            )


def _line(number: int, digits: str) -> str:
    sha256, pdq = digits[:_SHA256], digits[_SHA256 : _SHA256 + _PDQ]
    phash = digits[-_PHASH:]
    return (
        f'{{"id":"{number:08}","category":"1","sha256":"{sha256}","pdq":"{pdq}",'
        f'"pdq_quality":{50 + number % 51},"phash":"{phash}"}}\n'
    )


def _run(command: tuple[str, ...]) -> tuple[int, int]:
    """Run a command; return the peak bytes of its own and its resident memory."""
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        peaks = [0]
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, ended))
        watcher.start()
        _, said = process.communicate()
        ended.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"the import failed: {said.decode()}")
    # The largest of all children so far: no other child comes near it.
    resident = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return max(peaks), resident


def _watch(pid: int, peaks: list[int], ended: threading.Event) -> None:
    """Record the anonymous memory of a process until it has ended."""
    status = Path(f"/proc/{pid}/status")
    while not ended.wait(_POLL_S):
        try:
            text = status.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        peaks.extend(
            int(line.split()[1]) * 1024
            for line in text.splitlines()
            if line.startswith("RssAnon:")
        )


if __name__ == "__main__":
    print(measure(int(sys.argv[1]), seed=os.getpid()))
