"""The output about hash sets."""

from uploadfilter.cli.hashset.sets import EntryNumbers, counts_table, set_rows
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
    rows = set_rows(info, EntryNumbers())
    headings = [str(column.header) for column in counts_table(info).columns]

    assert rows["read"] == "1,300 lines, 3 duplicates"
    assert rows["refused: category"] == "100"
    assert headings == ["category", "entries", "md5", "pdq"]
