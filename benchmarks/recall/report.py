"""Turn counts into figures, a table, and a list of missed aims."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.recall.alterations import ALTERATIONS
from benchmarks.recall.counting import (
    MOST_BITS,
    Histogram,
    Row,
    Tally,
    interval,
    nearest,
    within,
)
from benchmarks.recall.packages import Sort

LEVELS = (23, 31, 40, 48)
"""Thresholds whose false-match rates are reported, in bits."""

PHOTOGRAPHS, THUMBNAILS, OTHERS = "photographs", "thumbnails", "others"
"""The groups of sorts: the aims are about the first one."""


_FLAT = "flat"


def summary(tally: Tally) -> dict[str, object]:
    """Return the figures to keep."""
    return {
        "compared_values": tally.compared,
        "pairs": _by_sort(tally.pairs),
        "rows": list(_rows(tally)),
        "flat": list(_flat_rows(tally)),
        "classes": list(_classes(tally)),
        "false": _false(tally),
        "peer_false": _by_sort(tally.peer_false),
        "weak": {
            sort: {"uploads": int(bits.sum()), "nearest": nearest(bits)}
            | {f"within_{level}": within(bits, level) for level in LEVELS}
            for sort, bits in sorted(tally.weak.items())
        },
        "examples": tally.examples,
        "near_misses": _near_misses(tally),
    }


def _rows(tally: Tally) -> Iterable[dict[str, object]]:
    for alteration in ALTERATIONS:
        parts = {
            group: _of(tally, alteration.name, group)
            for group in (PHOTOGRAPHS, THUMBNAILS, OTHERS)
        }
        if any(part.tries for part in parts.values()):
            yield {
                "name": alteration.name,
                "group": alteration.group,
                "aim": alteration.aim,
                **{name: _shares(part) for name, part in parts.items()},
            }


def group_of(sort: str) -> str:
    """Return the group in which a sort is counted."""
    names = {Sort.PHOTOGRAPH.value: PHOTOGRAPHS, Sort.THUMBNAIL.value: THUMBNAILS}
    return names.get(sort, OTHERS)


def _of(tally: Tally, name: str, group: str) -> Row:
    total = Row()
    for (known, sort), row in tally.rows.items():
        if known == name and sort != _FLAT and group_of(sort) == group:
            total.add(row)
    return total


def _shares(row: Row) -> dict[str, object]:
    tries = max(row.tries, 1)
    return {
        "uploads": row.tries,
        "recall": round(row.found / tries, 4),
        "interval": [round(end, 4) for end in interval(row.found, row.tries)],
        "inconclusive": dict(row.inconclusive.most_common()),
        "lost": row.tries - row.found - row.inconclusive.total(),
        "peer": round(row.peer / tries, 4),
        "reasons": dict(row.unscanned.most_common()),
    }


def _flat_rows(tally: Tally) -> Iterable[dict[str, object]]:
    for (name, sort), row in sorted(tally.rows.items()):
        if sort == _FLAT:
            yield {
                "name": name,
                "uploads": row.tries,
                "match": row.found,
                "inconclusive": dict(row.inconclusive.most_common()),
            }


def _is_of_photographs(pair: str) -> bool:
    """Tell whether both pictures of a pair are photographs, small ones included."""
    return {group_of(sort) for sort in pair.split(" / ")} <= {PHOTOGRAPHS, THUMBNAILS}


def _by_sort(counts: Mapping[str, int]) -> dict[str, int]:
    found = {PHOTOGRAPHS: 0, OTHERS: 0}
    for pair, count in counts.items():
        found[PHOTOGRAPHS if _is_of_photographs(pair) else OTHERS] += count
    return found | {str(pair): count for pair, count in sorted(counts.items())}


def _classes(tally: Tally) -> Iterable[dict[str, object]]:
    """Yield, for each class of views, the distances of pairs of different pictures."""
    merged: dict[tuple[str, bool, bool], Histogram] = {}
    for (group, complement, pair), bits in tally.distances.items():
        key = (group, complement, _is_of_photographs(pair))
        merged[key] = merged[key] + bits if key in merged else bits
    for (group, complement, photographs), bits in sorted(merged.items()):
        yield {
            "class": group,
            "complement": complement,
            "pictures": PHOTOGRAPHS if photographs else OTHERS,
            "pairs": int(bits.sum()),
            "nearest": nearest(bits),
            **{f"within_{level}": within(bits, level) for level in LEVELS},
        }


def _false(tally: Tally) -> dict[str, dict[str, int]]:
    """Return the numbers of uploads with a verdict from entries of other pictures."""
    found: dict[str, dict[str, int]] = {}
    for (what, pair), count in sorted(tally.false.items()):
        found.setdefault(str(what), {})[pair] = count
    return {what: _by_sort(counts) for what, counts in found.items()}


def _near_misses(tally: Tally) -> dict[str, list[int]]:
    """Return the number of pairs at each distance, for views and for complements."""
    found: dict[str, list[int]] = {}
    for (_, complement, pair), bits in tally.distances.items():
        sort = PHOTOGRAPHS if _is_of_photographs(pair) else OTHERS
        name = f"{sort}{', negative' if complement else ''}"
        known = found.setdefault(name, [0] * (MOST_BITS + 1))
        for place, count in enumerate(bits.tolist()):
            known[place] += count
    return found


def show(results: Mapping[str, Any]) -> None:
    """Print everything."""
    print("\npackage (version): pictures, too small, weak, repeated, listed; licence")
    for row in results["corpus"]:
        print(
            f"  {row['sort']:10} {row['package']:28} {row['version']:18}"
            f"{row['pictures']:>6}{row['small']:>6}{row['weak']:>5}"
            f"{row['repeated']:>5}{row['listed']:>6}  {row['licence'][:60]}"
        )
    print(
        f"\n{results['listed']} listed, {results['uploads']} uploads;"
        f" originals within 31 bits of another: {results['near_originals']}"
    )
    _show_rows(results["rows"])
    _show_flat(results)
    _show_classes(results)


def _show_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    print(
        f"\n{'alteration':32}{'n':>6}{'recall':>9}   interval        "
        f"{'plain':>7}{'small':>8}{'plain':>7}{'others':>8}{'plain':>7}   inconclusive"
    )
    for row in rows:
        ours, small, others = row[PHOTOGRAPHS], row[THUMBNAILS], row[OTHERS]
        low, high = ours["interval"]
        flag = "!" if ours["recall"] < row["aim"] else " "
        print(
            f"{row['name']:32}{ours['uploads']:>6}{ours['recall']:>9.2%} {flag}"
            f" {low:.2%} - {high:.2%}{ours['peer']:>9.1%}"
            f"{small['recall']:>8.1%}{small['peer']:>7.0%}"
            f"{others['recall']:>8.1%}{others['peer']:>7.0%}   "
            f"{ours['inconclusive'] or ''}"
        )


def _show_flat(results: Mapping[str, Any]) -> None:
    print(f"\n{'flat pictures, none of them listed':36}{'n':>6}{'match':>7}")
    for row in results["flat"]:
        print(
            f"{row['name']:36}{row['uploads']:>6}{row['match']:>7}"
            f"   {row['inconclusive'] or ''}"
        )
    print("\nuploads below quality 50: nearest entry of another picture")
    for sort, figures in results["weak"].items():
        print(f"  {sort:12}{figures}")


def _show_classes(results: Mapping[str, Any]) -> None:
    print(f"\npairs of different pictures: {results['pairs']}")
    print(
        f"{'class of views':28}{'pictures':14}{'pairs':>14}{'nearest':>9}"
        + "".join(f"{'<= ' + str(level):>9}" for level in LEVELS)
    )
    for row in results["classes"]:
        name = row["class"] + (", negative" if row["complement"] else "")
        print(
            f"{name:28}{row['pictures']:14}{row['pairs']:>14,}{row['nearest']:>9}"
            + "".join(f"{row[f'within_{level}']:>9,}" for level in LEVELS)
        )
    print(f"\nfalse verdicts: {results['false']}")
    print(f"false matches of plain PDQ: {results['peer_false']}")
    for example in results["examples"][:20]:
        print(f"  {example}")


def failures(results: Mapping[str, Any]) -> list[str]:
    """Return the missed aims, in words."""
    missed = [
        f"{row['name']}: {row[PHOTOGRAPHS]['recall']:.2%} of {row['aim']:.1%}"
        for row in results["rows"]
        if row[PHOTOGRAPHS]["recall"] < row["aim"]
    ]
    missed += [
        f"{row['name']}: {row[sort]['lost']} {sort} neither found nor of low quality"
        for row in results["rows"]
        if row["group"] == "contrast"
        for sort in (PHOTOGRAPHS, THUMBNAILS, OTHERS)
        if row[sort]["lost"]
    ]
    false = results["false"].get("match", {}).get(PHOTOGRAPHS, 0)
    if false:
        missed.append(f"{false} false matches among photographs")
    return missed
