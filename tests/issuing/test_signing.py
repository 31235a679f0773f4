"""Signing: each key for its role, each once."""

from pathlib import Path

import pytest

from tests.issuing.offices import Office, line_of
from tests.signedsets.keys import signer
from uploadfilter.errors import IssuerError
from uploadfilter.issuing import signing
from uploadfilter.signedsets.metadata import named
from uploadfilter.signedsets.roles import HASHSET, REVOKE, ROOT, TARGETS


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Return an issuer with a proposal."""
    it = Office(tmp_path / "o")
    it.stage(line_of("a", 1))
    it.propose()
    return it


def test_key_signs_what_its_role_may(office: Office) -> None:
    """Holders of the root sign root and delegations; analysts sign the set."""
    assert signing.sign(office.folder, office.now, signer("ann")) == (ROOT, TARGETS)
    assert signing.sign(office.folder, office.now, signer("eve")) == (HASHSET,)
    assert signing.sign(office.folder, office.now, signer("fay")) == (REVOKE,)


def test_same_key_twice_is_one_signature(office: Office) -> None:
    """The second time is refused, and publishing still lacks a signature."""
    office.sign("ann", "bob", "fay", "eve")

    with pytest.raises(IssuerError, match="'eve' has already signed everything"):
        office.sign("eve")
    with pytest.raises(IssuerError, match="has 1 of 2 signatures"):
        office.publish()


@pytest.mark.parametrize("name", ["stranger", "machine"])
def test_key_without_a_role_signs_nothing(office: Office, name: str) -> None:
    """Other people, and the machine, are told that they may not sign."""
    with pytest.raises(IssuerError, match="may not sign any part"):
        office.sign(name)


def test_name_of_a_holder_is_no_key(office: Office) -> None:
    """A person who takes another one's name does not have that person's key."""
    it = signer("stranger")
    it._public_key = named(it.public_key, "eve")  # noqa: SLF001 - a thief's key

    with pytest.raises(IssuerError, match="may not sign any part"):
        signing.sign(office.folder, office.now, it)


def test_new_proposal_has_no_old_signatures(office: Office) -> None:
    """A person who signed one proposal has not signed the next."""
    office.sign("dora")
    office.stage(line_of("b", 2))
    office.propose()
    (found,) = (
        item
        for item in signing.pending(office.folder, office.now)
        if item.role == HASHSET
    )

    assert (found.by, found.missing) == ((), 2)
    assert found.others == ("dora", "eve", "gus")


def test_damaged_proposal_is_refused(office: Office) -> None:
    """A file that is not metadata, or of another role, is not signed."""
    (office.folder.proposal / "hashset.json").write_text("{}")
    with pytest.raises(IssuerError, match="damaged"):
        office.sign("dora")
    root = (office.folder.proposal / "root.json").read_bytes()
    (office.folder.proposal / "hashset.json").write_bytes(root)
    with pytest.raises(IssuerError, match="damaged"):
        office.sign("dora")


def test_without_a_proposal_nothing_is_signed(tmp_path: Path) -> None:
    """After a publication, no metadata is left to sign."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1))

    with pytest.raises(IssuerError, match="no proposal"):
        office.sign("dora")
