"""Answers of ours can be read by the pages that the origin allows."""

from uploadfilter.proxy.assembling.bench import OriginReply
from uploadfilter.proxy.assembling.pieceanswers import carried


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
    assert carried(known) == {
        "Access-Control-Allow-Origin": "https://site.example",
        "Tus-Resumable": "1.0.0",
        "Upload-Expires": "later",
    }
    assert carried(None) == {}
