"""How soon does a running proxy see a change, and how does it affect queries?

- **visible**: a hash set with one uploaded picture is imported and removed by the
  command, again and again; measured from the end of the command to the first upload
  with the new answer.
- **queries**: a process sends queries without a pause: first while nothing happens,
  then while a set of a thousand entries is imported and removed, and then while the
  base is compacted.
"""

import asyncio
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import load, peers
from tests.corpus import pictures

SEED = 20_114
ROUNDS = 5
PHASE_S = 4.0
GIVE_UP_S = 30.0
SMALL_SET = 1000
REJECTED, CREATED = 403, 201


def measure(entries: int, *, quick: bool) -> dict[str, Any]:
    """Measure both with a reference set of the given number of entries."""
    with tempfile.TemporaryDirectory(prefix="uploadfilter-live-") as folder:
        arguments = ("random", str(entries), "12", str(SEED), folder)
        _run(sys.executable, "-m", "benchmarks.matching.prepare", *arguments)
        state = Path(folder)
        found: dict[str, Any] = {"entries": entries}
        found |= asyncio.run(_visible(state, rounds=2 if quick else ROUNDS))
        found |= _queries(state, seconds=0.5 if quick else PHASE_S)
        return found


async def _visible(state: Path, *, rounds: int) -> dict[str, Any]:
    """Return how many seconds after the command an upload gets another answer."""
    body = pictures.jpeg(pictures.photograph(SEED, width=320, height=240))
    listed = state / "one.txt"
    listed.write_text(hashlib.sha256(body).hexdigest() + "\n", encoding="ascii")
    added, removed = [], []
    with peers.sink() as sink, _filter(sink.port, state) as proxy:
        await _until(proxy.port, body, CREATED)
        for _ in range(rounds):
            _command(state, "import", str(listed), *_AS_LIVE)
            _command(state, "enforce", "live")
            added.append(await _until(proxy.port, body, REJECTED))
            _command(state, "remove", "live", "--yes")
            removed.append(await _until(proxy.port, body, CREATED))
    return {
        "rounds": rounds,
        "added_s": round(max(added), 4),
        "added_median_s": round(statistics.median(added), 4),
        "removed_s": round(max(removed), 4),
        "removed_median_s": round(statistics.median(removed), 4),
    }


_AS_LIVE = ("--name", "live", "--category", "1")


async def _until(port: int, body: bytes, status: int) -> float:
    """Upload until the answer has a status; return the seconds until it was sent."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < GIVE_UP_S:
        sent = time.perf_counter() - begun
        result = await load.put(port, [body], uploads=1, connections=1)
        if status in result.statuses:
            return sent
    raise RuntimeError(f"a change was not seen within {GIVE_UP_S} s")


def _filter(origin: int, state: Path) -> Any:  # noqa: ANN401 - a context manager
    return load.process(
        *(sys.executable, "-m", "uploadfilter", "serve", "--mode", "enforce"),
        *("--origin", f"http://127.0.0.1:{origin}", "--listen", "127.0.0.1:0"),
        *("--state", str(state)),
    )


def _queries(state: Path, *, seconds: float) -> dict[str, Any]:
    """Return the quantiles of queries without and during changes."""
    small = state / "small.txt"
    digests = (hashlib.sha256(b"%d" % at).hexdigest() for at in range(SMALL_SET))
    small.write_text("\n".join(digests), encoding="ascii")
    changes = 0
    with _asker(state) as asker:
        for _ in range(ROUNDS):
            _phase(asker, "idle")
            time.sleep(seconds)
            _phase(asker, "changing")
            ends_at = time.perf_counter() + seconds
            while time.perf_counter() < ends_at:
                _command(state, "import", str(small), *_AS_LIVE)
                _command(state, "remove", "live", "--yes")
                changes += 2
        _phase(asker, "idle")
        time.sleep(seconds)
        _phase(asker, "compacting")
        begun = time.perf_counter()
        _command(state, "compact")
        compacted = time.perf_counter() - begun
        printed, _ = asker.communicate("\n")
    found = json.loads(printed.splitlines()[-1])
    idle = found["idle"]["p999_ms"]
    return {
        "changes": changes,
        "queries": found,
        "compact_s": round(compacted, 2),
        "p999_ratio": round(found["changing"]["p999_ms"] / idle, 2),
        "p999_ratio_compacting": round(found["compacting"]["p999_ms"] / idle, 2),
    }


@contextmanager
def _asker(state: Path) -> Iterator["subprocess.Popen[str]"]:
    command = (sys.executable, "-m", "benchmarks.matching.asking")
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, str(state / "reference"), str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("the asking process did not start")
        try:
            yield process
        finally:
            process.kill()


def _phase(asker: "subprocess.Popen[str]", name: str) -> None:
    if asker.stdin is None:
        raise RuntimeError("the asking process cannot be told anything")
    asker.stdin.write(f"{name}\n")
    asker.stdin.flush()


def _command(state: Path, *words: str) -> None:
    command = (sys.executable, "-m", "uploadfilter", "hashset", *words)
    _run(*command, "--state", str(state))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command!r} failed: {done.stderr.decode()}")
