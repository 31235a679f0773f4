"""Count the records of a log slowly and plainly, to hold totals against."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.decisions.logs import segment_paths
from uploadfilter.decisions.records.lasting import DayTotals

Counted = Counter[tuple[Any, ...]]
"""Numbers of uploads, bytes and microseconds, by day and by label."""


def lines_of(directory: Path) -> list[dict[str, Any]]:
    """Return every whole line of a log as what JSON makes of it."""
    whole: list[dict[str, Any]] = []
    for path in segment_paths(directory):
        text = path.read_text()
        whole += [
            json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()
        ]
    return whole


def recount(lines: list[dict[str, Any]]) -> Counted:
    """Count every decision, outcome, shed and summary by its day."""
    found: Counted = Counter()
    for line in lines:
        day = line["time"][:10]
        match line["record"]:
            case "decision":
                names = ("mode", "route", "verdict", "action", "effect", "reason")
                more = ("would", "would_reason", "status")
                key = tuple(line[name] for name in (*names, *more))
                found[day, "uploads", *key] += 1
                found[day, "bytes", *key] += line["size"]
                found[day, "cpu", *key] += round(line["cpu_ms"] * 1000)
                for reason in line["reasons"]:
                    found[day, "reason", reason] += 1
                sets = {(m["set"], m["category"], m["state"]) for m in line["matches"]}
                for match in sets:
                    found[day, "match", *match] += 1
            case "outcome":
                found[day, "outcome", line["outcome"]] += 1
            case "summary":
                for row in line["uploads"]:
                    names = ("mode", "route", "verdict", "action", "effect", "reason")
                    more = ("would", "would_reason", "status")
                    key = tuple(row[name] for name in (*names, *more))
                    found[day, "uploads", *key] += row["uploads"]
                    found[day, "bytes", *key] += row["bytes"]
                    found[day, "cpu", *key] += row["cpu_us"]
                for row in line["reasons"]:
                    found[day, "reason", row["reason"]] += row["uploads"]
            case "shed":
                found[day, "shed", line["reason"], line["status"]] += line["count"]
    return +found


def add_up(totals: list[DayTotals]) -> Counted:
    """Add up totals, in the same terms."""
    found: Counted = Counter()
    for item in totals:
        day = item.day.isoformat()
        for row in item.uploads:
            names = ("mode", "route", "verdict", "action", "effect", "reason")
            more = ("would", "would_reason", "status")
            key = tuple(getattr(row, name) for name in (*names, *more))
            found[day, "uploads", *key] += row.uploads
            found[day, "bytes", *key] += row.bytes
            found[day, "cpu", *key] += row.cpu_us
        for match in item.matches:
            found[day, "match", match.set, match.category, match.state] += match.uploads
        for reason in item.reasons:
            found[day, "reason", reason.reason] += reason.uploads
        for outcome in item.outcomes:
            found[day, "outcome", outcome.outcome] += outcome.uploads
        for shed in item.sheds:
            found[day, "shed", shed.reason, shed.status] += shed.uploads
    return +found
