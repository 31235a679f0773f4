"""The difference between two states of the set: both get the same queries."""

import numpy as np

from tests.conformance.generations import entry, exactly, pdq
from tests.knowngood.corpora import md5_of, value
from tests.reference.listed import ListedGeneration
from uploadfilter.gate.differing import (
    Difference,
    Differences,
    Side,
    of_pictures,
    of_scan,
)
from uploadfilter.gate.variants import all_variants
from uploadfilter.model import (
    VARIANTS,
    Geometry,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    View,
)

MD5 = Signal(type=SignalType.MD5, value=md5_of("a"))
ROW = b"".join(value(n) for n in range(len(VARIANTS)))
SCAN = Scan(
    path="a.png",
    kind="png",
    size=1,
    exact=(MD5,),
    views=(
        View(
            name="stored",
            rows=(SignalRow(type=SignalType.PDQ, values=ROW, geometry=Geometry.FULL),),
            plane=b"",
        ),
    ),
)

BEFORE = ListedGeneration(
    {"s": [entry("digest", *exactly(MD5)), entry("gone", pdq(value(3, range(9))))]}
)
AFTER = ListedGeneration(
    {"s": [entry("digest", *exactly(MD5)), entry("new", pdq(value(5, range(31))))]}
)


def side(generation: ListedGeneration, *sets: str) -> Side:
    """Return a state in which some sets count, or all."""
    return Side(generation=generation, sets=frozenset(sets) or None)


def test_file_tells_which_entries_begin_and_end_to_match() -> None:
    """A match on both sides is not a difference."""
    found = of_scan(SCAN, side(BEFORE), side(AFTER), quality_of=lambda _: 100)

    assert found == Difference(
        name="a.png", begins=(("s", "new"),), ends=(("s", "gone"),)
    )


def test_other_sets_do_not_count() -> None:
    """A set that is not asked for is not reported."""
    both = side(BEFORE, "other"), side(AFTER, "other")
    found = of_scan(SCAN, *both, quality_of=lambda _: 100)

    assert (found.begins, found.ends) == ((), ())


def test_pictures_of_a_corpus_are_asked_in_all_variants() -> None:
    """Upright, turned, or negative: each variant of a picture is searched for."""
    kept = np.frombuffer(value(1) + value(2) + value(3), ">u8").reshape(3, 1, 4)
    turned = all_variants(kept)[1, 6].astype(">u8").tobytes()
    negative = bytes(it ^ 255 for it in value(3))
    after = ListedGeneration(
        {"s": [entry("turned", pdq(turned)), entry("negative", pdq(negative))]}
    )

    found = list(of_pictures(kept, side(BEFORE), side(after), name="c"))

    assert [(it.name, it.begins) for it in found] == [
        ("c:0", ()),
        ("c:1", (("s", "turned"),)),
        ("c:2", (("s", "negative"),)),
    ]
    assert found[2].ends == (("s", "gone"),)


def test_differences_are_counted_by_entry() -> None:
    """For each entry, it counts the files that it begins to match."""
    total = Differences()
    for name in ("x", "y"):
        total.add(Difference(name=name, begins=(("s", "new"),), ends=()))

    assert total.files == 2
    assert total.begins == {("s", "new"): 2}
    assert total.ends == {}
