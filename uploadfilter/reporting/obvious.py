"""Count the lines of a log slowly and plainly: what ``counting.py`` is held to.

Each line becomes a dictionary, and is counted by itself. A chunk of lines that
the fast reader cannot take, because one of them is damaged, is counted here as well.
"""

import json
from collections.abc import Iterable
from typing import Any

from uploadfilter.reporting.tables import (
    CHANCE_UNIT,
    EXACT,
    MOST_LABELS,
    OTHERS,
    UPLOAD_COLUMNS,
    CountTable,
    Part,
    latency_bin,
    way_of,
)


def count_plainly(lines: Iterable[bytes]) -> Part:
    """Count the lines of records, each without its newline."""
    part = Part()
    for line in lines:
        record = json.loads(line)
        day, minute = record["time"][:10], record["time"][11:16]
        bit = 1 << int(minute[:2]) * 60 + int(minute[3:])
        part.minutes[day] = part.minutes.get(day, 0) | bit
        match record["record"]:
            case "decision":
                _decision(part, day, record)
            case "outcome":
                part.add(CountTable.OUTCOMES, (day, record["outcome"]), 1)
            case "shed":
                key = (day, record["reason"], record["status"])
                part.add(CountTable.SHEDS, key, record["count"])
            case "copy" | "unsearched":
                _copies(part, day, record)
            case "summary":
                for row in record["uploads"]:
                    key = (day, *(row[name] for name in UPLOAD_COLUMNS))
                    numbers = row["uploads"], row["bytes"], row["cpu_us"]
                    part.add(CountTable.UPLOADS, key, *numbers)
                for row in record["reasons"]:
                    part.add(CountTable.REASONS, (day, row["reason"]), row["uploads"])
    return part


def _copies(part: Part, day: str, record: dict[str, Any]) -> None:
    if record["record"] == "unsearched":
        part.add(CountTable.COPIES, (day, "unsearched"), record["count"])
    elif any(_way(it) == "altered" for it in record["matches"]):
        part.add(CountTable.COPIES, (day, "altered"), 1)


def _decision(part: Part, day: str, record: dict[str, Any]) -> None:
    key = (day, *(record.get(name) for name in UPLOAD_COLUMNS))
    cpu_us = round(record.get("cpu_ms", 0.0) * 1000)
    part.add(CountTable.UPLOADS, key, 1, record["size"], cpu_us)
    duration_us = round(record["duration_ms"] * 1000)
    row = (day, record["verdict"], record["effect"], latency_bin(duration_us))
    part.add(CountTable.LATENCY, row, 1)
    for reason in record.get("reasons", ()):
        part.add(CountTable.REASONS, (day, reason), 1)
    matches = record.get("matches", ())
    for match in {(it["set"], it["category"], it["state"]) for it in matches}:
        part.add(CountTable.MATCHES, (day, *match), 1)
    if not matches:
        return
    ways = {_way(it) for it in matches}
    chances = [it["chance"] for it in matches if it.get("chance") is not None]
    chance, unjudged = 0, 0
    if not ways & EXACT:
        unjudged = 0 if chances else 1
        chance = round(max(0.0, min(1.0, *chances)) / CHANCE_UNIT) if chances else 0
    found = (*key, "+".join(sorted(ways)), _labels(matches))
    part.add(CountTable.FOUND, found, 1, chance, unjudged)
    is_rejected = record["verdict"] == "MATCH" and record["effect"] == "REJECT"
    if is_rejected and record["client"] is not None:
        part.add(CountTable.REPEATS, (day, record["client"]), 1)


def _way(match: dict[str, Any]) -> str:
    return way_of(match["signal_type"], match.get("kind", "within"))


def _labels(matches: Iterable[dict[str, Any]]) -> str:
    groups: dict[tuple[str, str, str], set[str]] = {}
    for it in matches:
        label = (it["set"], it["category"], it["state"])
        groups.setdefault(label, set()).add(_way(it))
    named = sorted(groups)
    rows = [[*label, "+".join(sorted(groups[label]))] for label in named[:MOST_LABELS]]
    if named[MOST_LABELS:]:
        ways = set().union(*(groups[label] for label in named[MOST_LABELS:]))
        rows.append([OTHERS, OTHERS, OTHERS, "+".join(sorted(ways))])
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
