"""A log that a version of format 1 wrote, made from one small file of its lines."""

import json
from datetime import datetime
from pathlib import Path

LINES = Path(__file__).parent / "log_of_format_1.jsonl"
"""Written by the version before format 2: four days from 2026-11-25, with a match on
the first and on the third."""


def write_old_log(directory: Path) -> list[Path]:
    """Write its segments as that version left them, and return their paths."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths: list[Path] = []
    for line in LINES.read_bytes().splitlines(keepends=True):
        record = json.loads(line)
        if record["record"] == "segment":
            day = datetime.fromisoformat(record["time"])
            paths.append(directory / f"{record['number']:08d}-{day:%Y%m%d}.jsonl")
        with paths[-1].open("ab") as file:
            file.write(line)
    return paths
