"""The output about hash sets."""

from uploadfilter.cli.hashset.sets import counts_table, set_lines
from uploadfilter.cli.hashset.statuses import EntryNumbers
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, ImportSource, SetInfo


def test_words_about_a_set() -> None:
    """A refusal is shown with the rest, and counts stand in columns."""
    info = SetInfo(
        name="unit7",
        issuer=LOCAL_ISSUER,
        categories=("1", "2"),
        enforced=True,
        imported_at=0,
        entries=1200,
        counts={"1": {"entries": 1200, "md5": 1200, "pdq": 7}},
        source=ImportSource(lines=1300, refused={"category": 100}, duplicates=3),
    )
    text = "\n".join(str(line) for line in set_lines(info, EntryNumbers()))
    headings = [str(column.header) for column in counts_table(info).columns]

    assert "read               1,300 lines, 3 duplicates" in text
    assert "refused: category  100" in text
    assert headings == ["category", "entries", "md5", "pdq"]
