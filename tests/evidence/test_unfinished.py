"""Contents in which nobody looked for altered copies."""

from tests.decisions.evidence import scan
from uploadfilter.evidence.unfinished import marked
from uploadfilter.model import Reason


def test_mark_is_a_reason_of_the_content_and_hides_no_other() -> None:
    """Nested contents are marked by their own paths."""
    whole = scan("0", Reason.NOT_INSPECTED, scan("0!/a"), scan("0!/b"))

    found = marked(whole, {"0", "0!/b"})

    assert found.reasons == (Reason.NOT_INSPECTED, Reason.EVIDENCE_UNFINISHED)
    assert [inner.reasons for inner in found.contents] == [
        (),
        (Reason.EVIDENCE_UNFINISHED,),
    ]
    assert marked(whole, ()) == whole
