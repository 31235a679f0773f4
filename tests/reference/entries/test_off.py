"""All that is off stands in one table."""

from tests.reference.entries.test_suppressing import NOW, suppression
from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.off import Party, off_entries
from uploadfilter.reference.entries.quarantining import Likeness, Quarantine

QUARANTINE = Quarantine(
    set="s",
    entry="1",
    kind=Likeness.NEAR,
    corpus="own",
    distance=7,
    digest="0" * 16,
    since=5,
)


def test_each_party_has_a_row_of_its_own() -> None:
    """An entry that three parties switched off stands there three times."""
    changes = (
        Changes()
        .with_suppressed(suppression(expires_at=NOW + 10))
        .with_quarantined("s", [QUARANTINE])
        .with_revoked("s", {"1": True}, generation=2)
        .with_withdrawn("s", ["2"], generation=3)
    )
    rows = {(it.key, it.party): it for it in off_entries(changes, now=NOW)}
    later = {it.party for it in off_entries(changes, now=NOW + 10)}

    assert {it: row.why for it, row in rows.items()} == {
        (("s", "1"), Party.ISSUER): "withdrawn for good, generation 2",
        (("s", "2"), Party.ISSUER): "withdrawn until it is listed again, generation 3",
        (("s", "1"), Party.OPERATOR): "ours",
        (("s", "1"), Party.GATE): "near match of 'own', 7 bits",
    }
    assert rows[("s", "1"), Party.OPERATOR].until == int(NOW + 10)
    assert later == {Party.ISSUER, Party.GATE}
