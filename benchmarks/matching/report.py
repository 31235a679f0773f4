"""Show the results of a matching benchmark, and which aims it missed."""

from typing import Any

TIMES_MULTI_HASH = 20
TIMES_SCAN = 40
"""At ten million values and threshold 31, the intended speed relative to either."""

P99_OF_MEDIAN = 2.0
"""For one query of real values."""

OPEN_S = 1.0
PRIVATE_MB = 50.0
EXACT_US = 3.0
IMPORT_S, IMPORT_MB = 180.0, 2000.0
VISIBLE_S = 2.0
BUSY_OF_IDLE = 3.0
"""Aims of issue and design, by their subject."""

LARGE = 10_000_000


def show(results: dict[str, Any]) -> None:
    """Print the contenders as a table."""
    print(f"\n{'values':16}{'contender':22}{'ms':>10}{'p99':>10}{'x ours':>9}", end="")
    print(f"{'batch 24':>10}{'batch 64':>10}{'MB':>9}{'build s':>9}{'recall':>9}")
    for row in results.get("rows", []):
        one = row[f"t={results['threshold']}"]
        batches = [row.get(f"batch {size}", {}).get("median_ms") for size in (24, 64)]
        print(
            f"{row['kind']:7}{row['n']:>8,} {row['contender']:22}"
            f"{one['median_ms']:>10.4g}{one['p99_ms']:>10.4g}"
            f"{one.get('times_ours', 1.0):>9.3g}"
            + "".join(f"{value:>10.4g}" if value else f"{'-':>10}" for value in batches)
            + f"{row['memory_mb']:>9,.0f}{row['build_s']:>9.3g}"
            f"{row['answers']['recall']:>9.4g}"
        )
    for row in results.get("skipped", []):
        print(f"{row['kind']:7}{row['n']:>8,} {row['contender']:22}{row['why']}")
    for name in ("shared", "skew"):
        for row in results.get(name, []):
            print(name, row)


def failures(results: dict[str, Any]) -> list[str]:
    """Return the missed aims, in words."""
    rows = results.get("rows", [])
    missed = [
        f"{row['contender']}, {row['kind']} {row['n']:,}: recall "
        f"{row['answers']['recall']}, {row['answers']['wrong']} wrong"
        for row in rows
        if row["answers"]["wrong"]
        or (
            row["answers"]["recall"] < 1
            and row["contender"] not in results["not_exact"]
        )
    ]
    for row in rows:
        missed += _slow(row, results["threshold"])
    for row in results.get("shared", []):
        missed += _costly(row)
    if "import" in results:
        missed += _long_import(results["import"])
    if "live" in results:
        missed += _late(results["live"])
    return missed


def _slow(row: dict[str, Any], threshold: int) -> list[str]:
    one = row[f"t={threshold}"]
    name, count, missed = row["contender"], row["n"], []
    for peer, least in (
        ("faiss multi-hash", TIMES_MULTI_HASH),
        ("our scan", TIMES_SCAN),
    ):
        if name == peer and count >= LARGE and one["times_ours"] < least:
            missed.append(
                f"{peer} takes {one['times_ours']} times as long, not {least}"
            )
    ratio = one["p99_ms"] / one["median_ms"]
    if name == "ours, mapped" and row["kind"] == "real" and ratio > P99_OF_MEDIAN:
        missed.append(f"real {count:,}: p99 is {ratio:.1f} times the median")
    return missed


def _costly(row: dict[str, Any]) -> list[str]:
    limits = {
        "open_s": OPEN_S,
        "private_mb": PRIVATE_MB,
        "exact_absent_us": EXACT_US,
    }
    return [
        f"{row['kind']} {row['n']:,}: {key} is {row[key]}, not {limit} at most"
        for key, limit in limits.items()
        if row.get(key, 0) > limit
    ]


def _long_import(found: dict[str, Any]) -> list[str]:
    missed = []
    if found["entries"] >= LARGE and found["seconds"] > IMPORT_S:
        missed.append(f"the import took {found['seconds']} s, not {IMPORT_S}")
    if found["peak_mb"] > IMPORT_MB:
        missed.append(f"the import took {found['peak_mb']} MB, not {IMPORT_MB}")
    return missed


def _late(found: dict[str, Any]) -> list[str]:
    missed = [
        f"a change was seen {word} after {found[key]} s, not {VISIBLE_S}"
        for key, word in (("added_s", "(added)"), ("removed_s", "(removed)"))
        if found[key] > VISIBLE_S
    ]
    if found["p999_ratio"] > BUSY_OF_IDLE:
        missed.append(f"p99.9 is {found['p999_ratio']} times idle while sets change")
    return missed
