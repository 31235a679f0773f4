"""Figures, counted by plain loops over the lines of a log: the slow obvious twin."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from uploadfilter.model import EXEMPTIONS, INCAPACITY, REFUSALS, Reason

_UNCOMPARED = EXEMPTIONS | INCAPACITY | REFUSALS | {Reason.PIECEWISE_UPLOAD}

Counts = Counter[tuple[str | None, ...]]


def count_plainly(lines: Iterable[bytes]) -> Counts:
    """Return the number of uploads of many figures, by name and key, without zeros."""
    found: Counts = Counter()
    for line in lines:
        record = json.loads(line)
        match record["record"]:
            case "decision":
                _count_decision(found, record)
            case "summary":
                for row in record["uploads"]:
                    _count_upload(found, row, row["uploads"])
            case "outcome":
                found["delivered", str(record["outcome"])] += 1
            case "shed":
                found["shed",] += record["count"]
                found["shed_by_reason", record["reason"]] += record["count"]
            case "copy":
                is_altered = any(_way(it) == "altered" for it in record["matches"])
                found["copies", "altered"] += is_altered
            case "unsearched":
                found["copies", "unsearched"] += record["count"]
    return +found


def _count_upload(found: Counts, row: dict[str, Any], number: int) -> None:
    is_match, is_rejected = row["verdict"] == "MATCH", row["effect"] == "REJECT"
    is_inspected = row.get("reason") not in _UNCOMPARED
    names = {
        "uploads": True,
        "inspected": is_inspected,
        "exempt": row.get("reason") in EXEMPTIONS,
        "incapable": row.get("reason") in INCAPACITY,
        "matched": is_match,
        "rejected": is_match and is_rejected,
        "monitored": is_match and row["effect"] == "ACCEPT",
        "would_reject": is_match and row["would"] == "REJECT",
        "not_matched": is_inspected and row["verdict"] == "NO_MATCH",
        "inconclusive": is_inspected and row["verdict"] == "INCONCLUSIVE",
        "rejected_unmatched": not is_match and is_rejected,
    }
    for name, is_so in names.items():
        found[name,] += number * is_so
    found["uploads_by_route", row.get("route") or ""] += number


def _count_decision(found: Counts, record: dict[str, Any]) -> None:
    _count_upload(found, record, 1)
    ways = {_way(it) for it in record["matches"]}
    names = {
        "md5": {"md5"},
        "exact": {"md5", "digest"},
        "pdq": {"pdq", "other"},
        "altered": {"altered"},
    }
    is_match = record["verdict"] == "MATCH"
    for name, wanted in names.items():
        found[f"alone_{name}",] += is_match and bool(ways & wanted)
    first = next((it for it in names if ways & names[it]), None)
    if is_match and first is not None:
        name = "digest" if first == "exact" else first
        found[f"first_{name}",] += 1
        found[f"rejected_{name}",] += record["effect"] == "REJECT"
    labels = {(it["set"], it["category"], it["state"]) for it in record["matches"]}
    for number, label in enumerate(sorted(labels)):
        # A row names eight; further ones count once together.
        found["listed_by_set", *(label if number < 8 else "***")] += number <= 8


def _way(match: dict[str, Any]) -> str:
    kind, signal_type = match.get("kind", "within"), match["signal_type"]
    if kind != "within":
        return "altered" if kind == "altered" else "near"
    digests = {"md5": "md5", "sha1": "digest", "sha256": "digest", "pdq": "pdq"}
    return digests.get(signal_type, "other")
