"""How long from publication to enforcement, and from a withdrawal to its release?

Everything is as at an operator: the issuer's folder, ``uploadfilter hashset sync`` as a
process, a proxy in ``ENFORCE`` in front of an origin. A copy of the picture (encoded
anew) is uploaded again and again; the time is measured from the end of the publication
to the first upload with another answer. *Told*: the sync is started at once. *Polling*:
it is started each minute, as ``uploadfilter-sync.timer`` does, and the publications are
spread evenly over the minute.
"""

import hashlib
import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.harness import Options, Report
from deploy.demo import running
from hashsets.demo import make_signed
from hashsets.demo.make_demo import entry_of
from tests.corpus import pictures
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import proposing, publishing, signing, staging
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.published import published

ENTRIES: Final = 10_000
ROUNDS: Final = 4
MINUTE_S: Final = 60.0
BETWEEN_S: Final = 0.05
_MOST_S: Final = 180.0
_WHO = ("demo-dora", "demo-eve")
_FIRST = ("demo-ann", "demo-bob", "demo-fay")


class Issuer:
    """An issuer's folder with published demo keys."""

    def __init__(self, path: Path) -> None:
        self.folder: IssuerFolder = make_signed.proposed(path)

    def publish(self, *lines: dict[str, object]) -> float:
        """Publish entries; return the time of the end, in monotonic seconds."""
        file = self.folder.path / "lines.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with self.folder.locked():
            now = published(self.folder)
            staging.stage_file(self.folder, file, now=now, tally=Tally())
            epoch_s = _epoch_s()
            proposing.propose(self.folder, now, epoch_s=epoch_s, parameters={})
            for name in (*(() if now.root else _FIRST), *_WHO):
                signing.sign(self.folder, now, make_signed.signer(name))
            machine = make_signed.signer("demo-machine")
            publishing.publish(self.folder, now, machine, epoch_s=epoch_s)
        return time.monotonic()

    def withdraw(self, entry_id: str) -> float:
        """Withdraw an entry; return the time of the end, in monotonic seconds."""
        with self.folder.locked():
            publishing.withdraw(
                self.folder,
                published(self.folder),
                [entry_id],
                officer=make_signed.signer("demo-fay"),
                machine=make_signed.signer("demo-machine"),
                epoch_s=_epoch_s(),
            )
        return time.monotonic()


class Site:
    """A proxy in front of an origin, and the sync of its operator."""

    def __init__(self, url: str, state: Path) -> None:
        self.url = url
        self.state = state

    def sync(self) -> None:
        """Sync once, as a process."""
        running.run_program("hashset", "sync", state=self.state, may_fail=True)

    def until(self, content: bytes, status: int) -> float:
        """Upload until the answer has this status; return the monotonic seconds."""
        end_s = time.monotonic() + _MOST_S
        while time.monotonic() < end_s:
            answer = running.request(f"{self.url}/files/a", method="PUT", body=content)
            if answer.status == status:
                return time.monotonic()
            time.sleep(BETWEEN_S)
        raise RuntimeError(f"no upload was answered {status} within {_MOST_S:g} s")


@contextmanager
def _polling(site: Site) -> Iterator[float]:
    """Sync each minute during the block; yield the time of its beginning."""
    ended, begun_s = threading.Event(), time.monotonic()

    def poll() -> None:
        due_s = begun_s
        while not ended.wait(max(0.0, due_s - time.monotonic())):
            site.sync()
            due_s += MINUTE_S

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield begun_s
    finally:
        ended.set()
        thread.join()


def _told(site: Site, issuer: Issuer, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"enforced_s": [], "released_s": []}
    for number in range(rounds):
        line, copy = _picture(number)
        at_s = issuer.publish(line)
        site.sync()
        found["enforced_s"].append(site.until(copy, 403) - at_s)
        at_s = issuer.withdraw(str(line["id"]))
        site.sync()
        found["released_s"].append(site.until(copy, 201) - at_s)
    return found


def _polled(site: Site, issuer: Issuer, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"enforced_s": [], "released_s": []}
    with _polling(site) as begun_s:
        for number in range(rounds):
            line, copy = _picture(1000 + number)
            # A set that is published just after a sync waits longest, and so on.
            _sleep_until_phase(begun_s, (number + 0.1) / rounds)
            at_s = issuer.publish(line)
            found["enforced_s"].append(site.until(copy, 403) - at_s)
            _sleep_until_phase(begun_s, (number + 0.1) / rounds)
            at_s = issuer.withdraw(str(line["id"]))
            found["released_s"].append(site.until(copy, 201) - at_s)
    return found


def _sleep_until_phase(begun_s: float, phase: float) -> None:
    into_s = (time.monotonic() - begun_s) % MINUTE_S
    time.sleep((phase * MINUTE_S - into_s) % MINUTE_S)


def _picture(number: int) -> tuple[dict[str, object], bytes]:
    """Return an entry, and an altered copy of its picture."""
    made = pictures.photograph(7000 + number, width=480, height=360)
    line = entry_of(pictures.png(made), entry_id=f"p-{number}", category="1")
    return line, pictures.jpeg(made, quality=70)


def _filling(count: int) -> Iterator[dict[str, object]]:
    for number in range(count):
        digest = hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest()
        yield {"id": f"f-{number}", "category": "1", "md5": digest}


def measure(options: Options, base: Path) -> Report:
    """Publish and withdraw entries, and upload until the answer changes."""
    state = base / "state"
    issuer = Issuer(base / "issuer")
    issuer.publish(*_filling(ENTRIES))
    root = base / "root.json"
    root.write_bytes((issuer.folder.metadata / "1.root.json").read_bytes())
    source = ("--name", "unit7", "--from", str(issuer.folder.path / "published"))
    digest = hashlib.sha256(root.read_bytes()).hexdigest()
    words = ("hashset", "trust", str(root), *source, "--digest", digest)
    running.run_program(*words, "--category", "1", state=state)
    with (
        running.origin(base / "uploads", log=base / "origin.log") as origin,
        running.proxy(
            origin, state=state, log=base / "proxy.log", options=("--mode", "enforce")
        ) as proxy,
    ):
        site = Site(proxy.url, state)
        found = {"told": _told(site, issuer, 2 if options.quick else ROUNDS)}
        if not options.quick:
            found["polling"] = _polled(site, issuer, ROUNDS)
    rows = [
        {
            "sync": how,
            "what": what,
            "median_s": round(statistics.median(seconds), 2),
            "most_s": round(max(seconds), 2),
            "seconds": [round(each, 3) for each in seconds],
        }
        for how, figures in found.items()
        for what, seconds in figures.items()
    ]
    return Report(rows=rows, figures={"entries": ENTRIES, "poll_s": MINUTE_S})


def _epoch_s() -> float:
    return time.time()  # noqa: TID251 -- python-tuf looks at this clock
