"""Signed metadata: thresholds, names of holders, and the same bytes each time."""

import pytest
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets

from tests.signedsets.keys import holders, public, signer
from uploadfilter.errors import IssuerError
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    REVOKE,
    REVOKED_PATH,
    ROOT,
    TARGETS,
    TIMESTAMP,
)

NOW_S = 1_700_000_000.5
EXPIRES = md.ending(NOW_S, 30)
TOP = {
    ROOT: holders(2, "ann", "bob", "cid"),
    TARGETS: holders(2, "ann", "bob", "cid"),
    GATHERED: holders(1, "machine"),
    TIMESTAMP: holders(1, "machine"),
}
BELOW = {HASHSET: holders(2, "dora", "eve"), REVOKE: holders(1, "fay")}


def root(version: int = 1, holding: md.Holders | None = None) -> Metadata[Root]:
    """Make a root."""
    holding = holding or TOP[ROOT]
    return md.new_root(TOP | {ROOT: holding}, version=version, expires=EXPIRES)


def test_bytes_are_the_same_for_the_same_values() -> None:
    """Two machines that make the same metadata make the same file."""
    one, two = root(), root()
    for name in ("bob", "ann"):
        one.sign(signer(name), append=True)
    for name in ("bob", "ann"):
        two.sign(signer(name), append=True)

    assert md.written(one) == md.written(two)
    assert md.written(md.parsed(md.written(one), Root)) == md.written(one)


def test_signature_of_the_same_key_counts_once() -> None:
    """Two signatures must come from two people."""
    it = root()
    it.sign(signer("ann"), append=True)
    it.sign(signer("ann"), append=True)
    found = md.signatures(it, ROOT, it)

    assert (found.by, found.missing) == (("ann",), 1)
    assert found.others == ("bob", "cid")


def test_signature_of_who_holds_no_key_does_not_count() -> None:
    """A signature of a stranger does not count, nor one for another role."""
    targets = md.new_targets(BELOW, version=1, expires=EXPIRES)
    listing = md.new_listing({REVOKED_PATH: b"x"}, version=1, expires=EXPIRES)
    for name in ("fay", "ann", "stranger"):
        listing.sign(signer(name), append=True)

    assert md.signatures(targets, HASHSET, listing).by == ()
    assert md.signatures(targets, HASHSET, listing).missing == 2
    assert md.signatures(targets, REVOKE, listing).missing == 0


def test_next_root_needs_the_old_holders_and_the_new() -> None:
    """The earlier holders sign a change of keys too."""
    old = root()
    new = root(2, holders(2, "cid", "gus", "hal"))
    for name in ("gus", "hal"):
        new.sign(signer(name), append=True)

    before, now = (md.signatures(it, ROOT, new) for it in (old, new))

    assert (before.missing, now.missing) == (2, 0)


def test_change_of_what_was_signed_undoes_the_signature() -> None:
    """A signature is valid for these bytes only."""
    it = root()
    it.sign(signer("ann"), append=True)
    it.signed.version = 2

    assert md.signatures(it, ROOT, it).by == ()


@pytest.mark.parametrize(
    "wrong",
    [
        holders(1),
        holders(3, "ann", "bob"),
        md.Holders(keys=(public("ann"), public("ann")), threshold=2),
        md.Holders(keys=(public("ann"), md.named(public("ann"), "bob")), threshold=2),
        md.Holders(keys=(public("ann"), md.named(public("bob"), "ann")), threshold=2),
        holders(1, *map(str, range(65))),
    ],
    ids=["nobody", "unreachable", "twice", "two_names", "two_keys", "many"],
)
def test_role_that_one_person_could_fill_for_two_is_refused(wrong: md.Holders) -> None:
    """One key under two names, and one name over two keys, are one person."""
    with pytest.raises(IssuerError):
        root(1, wrong)
    with pytest.raises(IssuerError):
        md.new_targets(BELOW | {HASHSET: wrong}, version=1, expires=EXPIRES)


def test_holders_change_by_name() -> None:
    """A holder with a lost key is removed, a new one is added, strangers are errors."""
    now = md.with_holders(
        TOP[ROOT], add=[public("gus")], remove=["ann"], threshold=None
    )

    assert [md.name_of(key) for key in now.keys] == ["bob", "cid", "gus"]
    assert now.threshold == 2
    with pytest.raises(IssuerError, match="does not hold a key"):
        md.with_holders(now, add=[], remove=["ann"], threshold=1)


def test_holders_are_read_from_what_is_signed() -> None:
    """The names of keys are a part of the signed data."""
    again = md.parsed(md.written(root()), Root)
    targets = md.new_targets(BELOW, version=1, expires=EXPIRES)

    assert md.holders_of(again, ROOT) == TOP[ROOT]
    assert md.holders_of(targets, REVOKE) == BELOW[REVOKE]


@pytest.mark.parametrize("name", ["", "a b", "ann@example.org", "x" * 65, "-a"])
def test_holder_has_a_name_that_can_stand_anywhere(name: str) -> None:
    """Names of holders stand in logs and on pages: no addresses, no blanks."""
    with pytest.raises(IssuerError):
        md.named(public("ann"), name)


def test_metadata_of_another_kind_is_refused() -> None:
    """A root in the place of the targets is recognised."""
    with pytest.raises(RepositoryError):
        md.parsed(md.written(root()), Targets)
