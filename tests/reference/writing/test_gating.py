"""Every way into the reference set passes the gate, whatever the change is."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.generations import entry, exactly, pdq
from tests.gate.twins import UNBOUNDED, Corpus
from tests.knowngood.corpora import md5_of, value
from tests.reference.stores import IMPORTED_AT
from uploadfilter.errors import HashSetGateError, StoreError, UploadFilterError
from uploadfilter.model import Entry, Signal, SignalType
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import SetInfo, Signed
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter

CORPORA = [
    Corpus([value(0), value(1)], [md5_of("a")]),
    Corpus([value(1), value(2)], [md5_of("b")]),
    Corpus([]),
]

SIGNALS = [
    pdq(value(0, [3, 77])),
    pdq(value(1, range(31))),
    pdq(value(1, range(32, 64))),
    pdq(value(2)),
    pdq(value(3)),
    *(exactly(Signal(type=SignalType.MD5, value=md5_of(it)))[0] for it in "abc"),
]


@dataclass
class Site:
    """A reference directory, and the entries that ought to be in it.

    Attributes:
        writer: Of the directory.
        entries: Of the signed set now.
        corpus: The known-good signals now.
        gated: The corpus that the set in force was compared with.
        released: Entries that people let in, as they were.
    """

    writer: ReferenceWriter
    entries: dict[str, Entry] = field(default_factory=dict)
    corpus: Corpus = CORPORA[0]
    gated: Corpus = CORPORA[0]
    released: set[Entry] = field(default_factory=set)

    def put(self, changes: dict[str, Entry | None], *, whole: bool) -> None:
        """Put a full set, or a delta, in force."""
        new = {} if whole else dict(self.entries)
        for name, item in changes.items():
            new.pop(name, None)
            if item is not None:
                new[name] = item
        collected = self.writer.collect()
        for item in changes.values():
            if item is not None:
                collected.add(item)
        keys = sorted(
            self.writer.secret.exact_key(SignalType.MD5, it)
            for it in self.corpus.digests
        )
        gate = self.corpus.gate(UNBOUNDED, secret_keys=keys)
        info = SetInfo(
            name="s",
            issuer="unit",
            categories=("A",),
            enforced=True,
            imported_at=IMPORTED_AT,
            signed=Signed(root="00", sequence=1, gated=gate.identity),
        )
        without = None if whole else list(changes)
        self.writer.replace_set(collected, info, without=without, gate=gate)
        self.entries, self.gated = new, self.corpus

    def found(self) -> set[str]:
        """Return the ids of the entries that a search for their own signals finds."""
        generation = self.writer.generation
        found = set()
        for item in SIGNALS:
            query = Query(signal=item.signal, threshold=0)
            (candidates,) = generation.search([query])
            found |= {it.entry for it in candidates}
        return found

    def held(self) -> set[str]:
        """Return the ids in quarantine."""
        return {it.entry for it in self.writer.generation.off_by(Party.GATE)}

    def wanted(self) -> set[str]:
        """Return the ids that the twin would keep out."""
        return {
            name
            for name, item in self.entries.items()
            if self.gated.matches(item) and item not in self.released
        }


# In one order, each once: an entry is the same whatever the order of its signals.
ENTRY = st.sets(st.integers(0, len(SIGNALS) - 1), min_size=1, max_size=2).map(
    lambda chosen: [SIGNALS[number] for number in sorted(chosen)]
)
NAME = st.sampled_from("abcdef")
STEP = st.one_of(
    st.tuples(st.just("full"), st.dictionaries(NAME, ENTRY, min_size=1)),
    st.tuples(st.just("delta"), st.dictionaries(NAME, st.none() | ENTRY)),
    st.tuples(st.just("corpus"), st.sampled_from(CORPORA)),
    st.tuples(st.just("release"), NAME),
    st.tuples(st.just("compact"), st.none()),
    st.tuples(st.just("rollback"), st.none()),
)


def _entries(made: dict[str, list[object] | None]) -> dict[str, Entry | None]:
    return {
        name: None if signals is None else entry(name, *signals)  # type: ignore[arg-type]
        for name, signals in made.items()
    }


def _take(site: Site, kind: str, what: object) -> None:
    match kind:
        case "full":
            site.put(_entries(what), whole=True)  # type: ignore[arg-type]  # drawn
        case "delta":
            site.put(_entries(what), whole=False)  # type: ignore[arg-type]  # drawn
        case "corpus":
            site.corpus = what  # type: ignore[assignment]  # drawn
            site.put({}, whole=False)
        case "release":
            name = str(what)
            site.writer.switch_on("s", [name], by=["ab", "cd"])
            site.released.add(site.entries[name])
        case "compact":
            site.writer.compact()
        case _:
            _roll_back(site)


def _roll_back(site: Site) -> None:
    """Go back and look: nothing that was seen is in force. Then go on as before."""
    try:
        site.writer.rollback()
    except StoreError:
        return
    wanted = site.wanted()
    assert not site.found() & wanted
    site.writer.release()
    site.put(dict(site.entries.items()), whole=True)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEP, max_size=7))
def test_nothing_passes_that_the_gate_has_not_seen(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    """After each step the entries in force equal those of the model; none is lost."""
    directory = ReferenceDirectory(tmp_path_factory.mktemp("r"), clock=lambda: 1.0)
    with directory.writer(create=True) as writer:
        site = Site(writer)
        site.put({"z": entry("z", SIGNALS[0]), "y": entry("y", SIGNALS[4])}, whole=True)
        for kind, what in steps:
            try:
                _take(site, kind, what)
            except UploadFilterError:
                # Nothing of that name is in quarantine.
                assert kind == "release"

            wanted = site.wanted()
            assert site.held() == wanted
            assert site.found() == set(site.entries) - wanted


def test_refused_change_changes_nothing(tmp_path: Path) -> None:
    """If the gate refuses a change, the generation before it stays in force."""
    directory = ReferenceDirectory(tmp_path / "r", clock=lambda: 1.0)
    with directory.writer(create=True) as writer:
        site = Site(writer)
        site.put({"y": entry("y", SIGNALS[4])}, whole=True)
        number = writer.number
        strict = replace(UNBOUNDED, quarantined=0, quarantined_share=0)
        collected = writer.collect()
        collected.add(entry("z", SIGNALS[0]))
        with pytest.raises(HashSetGateError):
            writer.replace_set(
                collected, writer.sets[0], without=[], gate=CORPORA[0].gate(strict)
            )

        assert writer.number == number
        assert site.found() == {"y"}


def test_rollback_keeps_what_was_found_since(tmp_path: Path) -> None:
    """An older generation comes back without the entries quarantined since."""
    directory = ReferenceDirectory(tmp_path / "r", clock=lambda: 1.0)
    with directory.writer(create=True) as writer:
        site = Site(writer, corpus=CORPORA[2])
        site.put({n: entry(n, SIGNALS[k]) for n, k in (("z", 0), ("y", 4))}, whole=True)
        site.corpus = CORPORA[0]
        site.put({}, whole=False)
        writer.rollback()

        assert site.found() == {"y"}
        assert site.held() == {"z"}
        # Entries that people released since stay in force.
        writer.release()
        site.put({}, whole=False)
        writer.switch_on("s", ["z"], by=["ab", "cd"])
        site.put({"x": entry("x", SIGNALS[4])}, whole=False)
        writer.rollback()
        assert site.found() == {"y", "z"}
