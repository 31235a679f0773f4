"""Does the time of an answer tell whether this file, or one like it, is listed?

The same files are sent in turn to three filters, alone and in a form beside a picture
that costs much to decode. One filter lists their digests, another lists a PDQ near to
theirs, and the third lists neither. Filters are compared by the share of pairs in which
one is slower than the other (the statistic of Mann and Whitney, divided by its largest
value): 0.5 means no difference, 0 or 1 a sure one.
"""

import bisect
import contextlib
import io
import itertools
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.harness import Aim, Options, Report, percentile
from benchmarks.proxy import load, peers
from benchmarks.proxy.site import SEED, Plan, files_of, filter_before, list_random
from tests.corpus import pictures
from uploadfilter.model import EntrySignal
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals.views import view_of

SIZE_KB = 200
EACH = 4
"""Number of files that are sent."""

DEAR_SIDE = 1500
"""Side in pixels of a PNG that takes ten times as long as a file."""

NEAR_BITS = 0x0F
"""The four bits in which a near entry differs."""

SAME_AIM = 0.15
"""Most distance from 0.5 in a comparison with the files that match exactly: the noise
of a busy machine with sixty answers of each filter."""

_BOUNDARY = "b0undary"


async def oracle(options: Options, folder: Path) -> Report:
    """Measure the times of the three filters' answers."""
    plan = Plan.of(options)
    files = files_of(SIZE_KB)[:EACH]
    near = [_near(file) for file in files]
    list_random(folder / "exact", plan.listed, listed=files)
    list_random(folder / "near", plan.listed, near=near)
    list_random(folder / "none", plan.listed)
    dear = pictures.png(pictures.photograph(99, width=DEAR_SIDE, height=DEAR_SIDE))
    rows: list[Mapping[str, object]] = []
    aims: list[Aim] = []
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(peers.sink())
        ports = {
            name: stack.enter_context(filter_before(sink.port, folder / name)).port
            for name in ("exact", "near", "none")
        }
        for place, beside, rounds in (
            ("alone", b"", 10 * plan.rounds),
            ("in a form", dear, 3 * plan.rounds),
        ):
            requests = [_request(file, beside) for file in files]
            took = await _in_turn(ports, requests, rounds)
            rows += [_row(place, name, found) for name, found in took.items()]
            aims += [_aim(place, took, name) for name in ("near", "none")]
    return Report(rows=rows, aims=aims)


def _aim(place: str, took: Mapping[str, Sequence[float]], name: str) -> Aim:
    return Aim(
        text=f"{place}: from 0.5, share of pairs in which {name} is slower than exact",
        measured=abs(_slower(took[name], took["exact"]) - 0.5),
        most=SAME_AIM,
    )


async def _in_turn(
    ports: Mapping[str, int], requests: Sequence[load.Request], rounds: int
) -> dict[str, list[float]]:
    """Send each request to every filter, and return the times in ms."""
    took: dict[str, list[float]] = {name: [] for name in ports}
    order = random.Random(SEED)  # noqa: S311 - turns, not secrets
    for number in range(rounds + 1):
        turns = list(itertools.product(requests, ports.items()))
        order.shuffle(turns)  # the order of the filters must not matter
        for request, (name, port) in turns:
            found = await load.drive(port, [request], connections=1, count=1)
            found.checked(load.CREATED if name == "none" else 403)
            if number:  # the first round is to warm up
                took[name] += found.latencies()
    return took


def _request(file: bytes, dear: bytes) -> load.Request:
    """Return the upload of a file, in a form beside another one if there is one."""
    if not dear:
        return load.upload(file)
    parts = b"".join(
        b"--b0undary\r\nContent-Disposition: form-data; "
        b'name="f"; filename="f"\r\n\r\n%s\r\n' % content
        for content in (file, dear)
    )
    body = parts + b"--b0undary--\r\n"
    media_type = f"multipart/form-data; boundary={_BOUNDARY}"
    return load.upload(body, media_type=media_type, method="POST")


def _near(file: bytes) -> EntrySignal:
    """Return a PDQ for an entry, four bits away from that of a file."""
    with Image.open(io.BytesIO(file)) as image:
        plane = np.asarray(image.convert("L"))
    height, width = plane.shape
    shown = Picture(plane=plane, shape=Shape(height=height, width=width))
    upright = view_of(shown, name="stored").signals[0].signal
    value = bytes((upright.value[0] ^ NEAR_BITS,)) + upright.value[1:]
    return EntrySignal(signal=replace(upright, value=value))


def _row(place: str, name: str, took: Sequence[float]) -> dict[str, object]:
    return {
        "place": place,
        "match": name,
        "answers": len(took),
        "p10_ms": round(percentile(took, 10), 2),
        "p50_ms": round(statistics.median(took), 2),
        "p90_ms": round(percentile(took, 90), 2),
    }


def _slower(ones: Iterable[float], others: Sequence[float]) -> float:
    """Return the share of pairs in which one took longer than the other."""
    ordered = sorted(others)
    places = [bisect.bisect_left(ordered, one) for one in ones]
    return statistics.mean(places) / len(ordered)
