"""Proposals: their review equals the effect of their files."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.issuing.offices import Office, line_of
from uploadfilter.errors import HashSetFormatError, IssuerError
from uploadfilter.issuing import proposing, signing
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets.roles import HASHSET, REVOKE, ROOT, TARGETS


def test_proposal_is_said_in_counts(tmp_path: Path) -> None:
    """Additions, changes and removals are counted, by category before and after."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1), line_of("b", 2), line_of("c", 3, "2"))
    office.stage(line_of("a", 7), line_of("d", 4), line_of("b", 2))
    office.remove("c", "unknown")

    review = office.propose()

    assert (review.older, review.newer) == (1, 2)
    assert (review.added, review.changed, review.removed) == (1, 1, 1)
    assert review.categories == {"1": (2, 3), "2": (1, 0)}
    assert review.entries == 3
    assert not review.is_full


def test_nothing_staged_is_a_renewal(tmp_path: Path) -> None:
    """The set is unchanged, and its validity is longer."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1))
    office.epoch_s += 86_400
    review = office.propose()
    office.sign("dora", "gus")

    assert review.is_renewal
    assert office.publish().sequence == 1
    assert office.now.versions[HASHSET] == 2
    assert office.now.expires[HASHSET] == int(office.epoch_s) + 30 * 86_400


def test_nothing_at_all_is_no_set(tmp_path: Path) -> None:
    """The first set must have entries."""
    with pytest.raises(IssuerError, match="nothing is staged"):
        Office(tmp_path / "o").propose()


def test_withdrawn_entries_leave_the_set_with_the_next_number(tmp_path: Path) -> None:
    """A withdrawn entry stays withdrawn even if somebody stages it again."""
    office = Office(tmp_path / "o")
    office.issue(*(line_of(f"p-{n}", n) for n in range(20)))
    office.withdraw("p-1", "p-2")
    office.issue(line_of("p-1", 1), line_of("new", 77))

    assert office.ids() == {f"p-{n}" for n in range(20)} - {"p-1", "p-2"} | {"new"}


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abcdefgh"), st.none() | st.integers(0, 5), min_size=1
        ),
        min_size=1,
        max_size=3,
    )
)
def test_published_set_is_what_was_staged(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, int | None]]
) -> None:
    """After any steps, operators read the same entries as a dictionary has."""
    office = Office(tmp_path_factory.mktemp("office") / "o")
    wanted = {"z": 9}
    office.issue(line_of("z", 9))
    for step in steps:
        office.stage(
            line_of("z", 9), *(line_of(i, n) for i, n in step.items() if n is not None)
        )
        office.remove(*(i for i, n in step.items() if n is None))
        for entry_id, number in step.items():
            if number is None:
                wanted.pop(entry_id, None)
            else:
                wanted[entry_id] = number
        office.issue()
        hashset = office.now.hashset
        assert hashset is not None
        found = {i: line for n in range(256) for i, line in hashset.lines(n).items()}
        lines = {
            i: f'{{"op":"add",{line_of(i, n)[1:]}\n'.replace(": ", ":").replace(
                ", ", ","
            )
            for i, n in wanted.items()
        }
        assert {i: line.decode() for i, line in found.items()} == lines


def test_large_set_is_sharded_and_deltas_are_few(tmp_path: Path) -> None:
    """A set over the bound of one file has 256; many changes make a new full set."""
    office = Office(tmp_path / "o")
    office.issue(*(line_of(f"p-{n}", n) for n in range(4097)))
    first = office.now.hashset
    assert first is not None
    assert first.manifest.full.shards == 256

    office.issue(*(line_of(f"q-{n}", n) for n in range(100)))
    second = office.now.hashset
    assert second is not None
    assert second.manifest.full.sequence == 1

    office.issue(*(line_of(f"r-{n}", n) for n in range(1000)))
    third = office.now.hashset
    assert third is not None
    assert third.manifest.full.sequence == 3
    assert len(third.manifest.deltas) == 2
    assert len(office.ids()) == 5197


def test_tampered_proposal_is_found_out_by_the_next_officer(tmp_path: Path) -> None:
    """The digest shows that somebody changed a file of the proposal."""
    office = Office(tmp_path / "o")
    office.stage(line_of("a", 1))
    office.propose()
    (full,) = (office.folder.proposal / "targets" / "full").rglob("*.gz")
    full.write_bytes(full.read_bytes()[:-1] + b"x")

    with pytest.raises(IssuerError, match="differs from the signed file"):
        proposing.review(office.folder, office.now)


def test_discarded_proposal_leaves_what_else_is_proposed(tmp_path: Path) -> None:
    """The proposed set is deleted, and the proposed holders can still be signed."""
    office = Office(tmp_path / "o")
    office.stage(line_of("a", 1))
    office.propose()
    before = {item.role for item in signing.pending(office.folder, office.now)}
    with office.folder.locked():
        proposing.discard(office.folder)
        proposing.discard(office.folder)
    after = {item.role for item in signing.pending(office.folder, office.now)}

    assert before - after == {HASHSET}
    assert after == {ROOT, TARGETS, REVOKE}


def test_every_set_has_the_canary_and_people_see_their_own_entries(
    tmp_path: Path,
) -> None:
    """Its entries are in the files, and not in the counts that officers sign."""
    office = Office(tmp_path / "o", canaries=canaries.entries())
    office.issue(line_of("a", 1), line_of("b", 2))
    hashset = office.now.hashset
    assert hashset is not None

    assert office.ids() == {"a", "b", *canaries.IDS}
    assert hashset.manifest.entries == 2
    assert hashset.manifest.categories == {"1": 2}
    office.stage(line_of("c", 3), whole=True)
    review = office.propose()
    assert (review.added, review.removed, review.entries) == (1, 2, 1)
    office.sign("dora", "eve")
    office.publish()
    assert office.ids() == {"c", *canaries.IDS}


def test_set_that_was_published_without_gets_the_canary_next(tmp_path: Path) -> None:
    """Without staged operations it makes a new number, and after that a renewal."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1))
    office.canaries = canaries.entries()

    assert office.issue() == 2
    assert office.ids() == {"a", *canaries.IDS}
    assert office.propose().is_renewal


def test_entry_that_only_calls_itself_a_canary_is_not_signed(tmp_path: Path) -> None:
    """Entries that officers are not shown must be the canary and nothing else."""
    office = Office(tmp_path / "o")
    (exact, near) = canaries.entries()
    office.canaries = (exact, dataclasses.replace(near, exact_only=True))
    office.stage(line_of("a", 1))

    with pytest.raises(IssuerError, match="which is not a canary"):
        office.propose()
    with pytest.raises(HashSetFormatError, match="reserved for canaries"):
        office.stage(line_of("canary-mine", 1))


def test_canary_is_not_withdrawn(tmp_path: Path) -> None:
    """Otherwise it would be out of force for good, and no operator could use it."""
    office = Office(tmp_path / "o", canaries=canaries.entries())
    office.issue(line_of("a", 1), line_of("b", 2))

    with pytest.raises(IssuerError):
        office.withdraw(canaries.NEAR)
