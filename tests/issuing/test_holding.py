"""The holders of each role: a change needs the holders of the root."""

from pathlib import Path

import pytest

from tests.issuing.offices import HOLDERS, Office, line_of
from tests.signedsets.keys import holders, public
from uploadfilter.errors import IssuerError
from uploadfilter.issuing import holding
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import HASHSET, REVOKE, ROOT


def test_proposal_of_holders_changes_only_what_differs(tmp_path: Path) -> None:
    """New analysts need a new delegation, and the root stays unchanged."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1))
    changed = HOLDERS | {HASHSET: holders(2, "gus", "hal")}
    holding.propose_holders(office.folder, office.now, changed, epoch_s=office.epoch_s)
    names = {path.name for path in office.folder.proposal.glob("*.json")}

    # The set was signed by dora and eve, so that gus and hal have to sign it again.
    assert names == {"targets.json", "hashset.json"}
    office.sign("ann", "cid", "gus", "hal")
    office.publish()
    assert md.holders_of(office.now.targets, HASHSET).keys == changed[HASHSET].keys  # type: ignore[arg-type]  # published


def test_withdrawals_need_one_person() -> None:
    """A threshold of two for duty officers is refused."""
    with pytest.raises(IssuerError, match="one key"):
        holding.check_all(HOLDERS | {REVOKE: holders(2, "fay", "gus")})


def test_root_lasts_longer_on_demand(tmp_path: Path) -> None:
    """Only the version and the end of validity change."""
    office = Office(tmp_path / "o")
    with pytest.raises(IssuerError, match="nothing was published"):
        holding.propose_longer(office.folder, office.now, [ROOT], epoch_s=1.0)
    office.issue(line_of("a", 1))
    office.epoch_s += 1000
    holding.propose_longer(office.folder, office.now, [ROOT], epoch_s=office.epoch_s)
    office.sign("bob", "cid")
    office.publish()

    assert office.now.versions[ROOT] == 2
    assert public("ann") in holding.holders_now(office.now)[ROOT].keys
