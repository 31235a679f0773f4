"""The tools of the protocols: answers out of the origin's."""

from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import Workbench, carried_headers, is_verdict
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.assembly.steps import OriginReply
from uploadfilter.web.answering.answer import Answer

REPLY = OriginReply(
    status=201,
    headers=[
        (b"Location", b"/a"),
        (b"Content-Length", b"4"),
        (b"Set-Cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"Upload-Offset", b"0"),
    ],
    body=b"body",
)


def test_answer_is_the_origins_with_changes() -> None:
    """Repeated headers stay, the length is that of the body."""
    made = Workbench.relay(REPLY, changed={"Upload-Offset": "7", "Location": None})
    assert (made.status, made.body) == (201, b"body")
    assert made.headers.getall("Set-Cookie") == ["a=1", "b=2"]
    assert made.headers["Upload-Offset"] == "7"
    assert "Location" not in made.headers
    assert "Content-Length" not in made.headers


def test_only_a_verdict_is_final() -> None:
    """A lack of one lets the client send its last piece again."""
    assert is_verdict(Answer(outcome=Outcome.REJECTED, status=403))
    assert is_verdict(
        Answer(outcome=Outcome.REJECTED, status=403, reason=Reason.UNDECODABLE)
    )
    assert not is_verdict(
        Answer(outcome=Outcome.LATER, status=503, reason=Reason.NO_SCANNER)
    )
    assert not is_verdict(
        Answer(outcome=Outcome.REFUSED, status=400, reason=Reason.ABORTED)
    )


def test_headers_of_the_origin_go_along() -> None:
    """Those for browsers and about the upload, and no others."""
    known = OriginReply(
        status=200,
        headers=[
            (b"Access-Control-Allow-Origin", b"https://site.example"),
            (b"Tus-Resumable", b"1.0.0"),
            (b"Upload-Expires", b"later"),
            (b"Upload-Offset", b"0"),
            (b"Content-Type", b"text/plain"),
        ],
        body=b"",
    )
    assert carried_headers(known) == {
        "Access-Control-Allow-Origin": "https://site.example",
        "Tus-Resumable": "1.0.0",
        "Upload-Expires": "later",
    }
    assert carried_headers(None) == {}
