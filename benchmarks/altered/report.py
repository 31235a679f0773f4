"""Print the results, and name the aims that were missed."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.altered.originals import Originals
from benchmarks.altered.rows import ROWS
from uploadfilter.evidence.chance import ALTERED

HEADINGS = ("altered", "near", "plain_31", "plain_60", "features")
"""Columns of the table: E at most 10^-9, at most 10^-4, plain PDQ, ORB."""


def corpus_of(originals: Originals) -> list[dict[str, object]]:
    """Return the number of originals of each package and sort, by half."""
    found: dict[tuple[str, str], dict[str, object]] = {}
    for item in originals.listed:
        row = found.setdefault(
            (item.sort, item.package),
            {"sort": item.sort, "package": item.package, "A": 0, "B": 0},
        )
        row[item.half] = int(str(row[item.half])) + 1
    return [found[key] for key in sorted(found)]


def show(results: Mapping[str, Any]) -> None:
    """Print everything."""
    print("\nsort, package: half A, half B")
    for row in results["corpus"]:
        print(f"  {row['sort']:12}{row['package']:44}{row['A']:>5}{row['B']:>5}")
    print(
        f"\n{results['poisoned']} values of the known-good corpus were left out: they"
        " are pictures of these packages"
    )
    if results.get("rows"):
        show_rows(results["rows"])
    if results.get("strangers"):
        show_strangers(results["strangers"])


def show_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the table of recall.

    *Detailed* is the share of photographs for which no pattern counts: those that are
    not all one edge. *Camera* is that of those whose file holds camera data.
    """
    print(
        f"\n{'alteration':28}{'n':>5}{'aim':>6}{'found':>8}{'detailed':>9}{'camera':>8}{'E<=1e-9':>9}{'E<=1e-4':>9}"
        f"{'log E':>8}{'PDQ 31':>8}{'PDQ 60':>8}{'ORB':>7}{'c60, c80':>10}"
    )
    for row in rows:
        flag = "!" if row["found"] < row["aim"] else " "
        aim = f"{row['aim']:.0%}" if row["aim"] else ""
        windows = row.get("windows") or {}
        with_windows = f"{windows['altered']:.0%}" if windows else ""
        detailed, camera = (
            "" if share is None else f"{share:.1%}"
            for share in (row.get("found_detailed"), row.get("found_camera"))
        )
        features = "" if row["features"] is None else f"{row['features']:.0%}"
        print(
            f"{row['name']:28}{row['uploads']:>5}{aim:>6}{row['found']:>7.1%}{flag}{detailed:>9}{camera:>8}"
            f"{row['altered']:>9.1%}"
            f"{row['near']:>9.1%}{row['median']:>8}{row['plain_31']:>8.1%}"
            f"{row['plain_60']:>8.1%}{features:>7}{with_windows:>10}"
        )


def show_strangers(found: Mapping[str, Any]) -> None:
    """Print how often chance came near."""
    print(
        f"\nuploads of half B against {found['entries']:,} values of other pictures:"
        " pairs with this E or less; expected are E x uploads"
    )
    levels = found["levels"]
    print(f"{'E':>9}{'expected':>10}" + "".join(f"{s:>12}" for s in found["uploads"]))
    for place, level in enumerate(levels):
        counts = [found["observed"][sort][place] for sort in found["uploads"]]
        expected = level * sum(found["uploads"].values())
        print(f"{level:>9.0e}{expected:>10.3g}" + "".join(f"{n:>12}" for n in counts))
    print(f"{'pairs':>19}" + "".join(f"{n:>12.2e}" for n in found["pairs"].values()))
    for item in found["near"][:40]:
        print(f"  {item}")


def failures(results: Mapping[str, Any]) -> list[str]:
    """Return the missed aims, in words."""
    missed = [
        f"{row['name']}: {row['found']:.1%} of {row['aim']:.0%}"
        for row in results.get("rows", ())
        if row["found"] < row["aim"]
    ]
    strangers = results.get("strangers")
    if strangers:
        wrong = strangers["wrong"]
        missed += [
            f"{len(items)} false matches of {sort} uploads"
            for sort, items in wrong.items()
            if items
        ]
    return missed


def rows_of(
    summaries: Sequence[tuple[str, Mapping[str, object]]],
    centred: Mapping[str, Sequence[float]],
) -> list[dict[str, object]]:
    """Return the rows to keep: name, group, aim and results.

    Args:
        summaries: The results of each row.
        centred: E of each upload against a set with windows, by row.
    """
    known = {row.name: row for row in ROWS}
    return [
        {
            "name": name,
            "group": known[name].group,
            "aim": known[name].aim,
            **figures,
            "windows": _windows(centred.get(name, ())),
        }
        for name, figures in summaries
    ]


def _windows(figures: Sequence[float]) -> dict[str, object] | None:
    if not figures:
        return None
    found = sum(figure <= ALTERED for figure in figures)
    return {"uploads": len(figures), "altered": round(found / len(figures), 4)}
