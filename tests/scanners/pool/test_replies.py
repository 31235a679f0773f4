"""Claims of a scanner that was taken over, and their checks."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tests.scanners.replies import DIGESTS, INNER, SCAN, VIEW
from uploadfilter.model import Reason, Scan, SignalRow, SignalType
from uploadfilter.scanners.pool.replies import read_reply
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import (
    FRAME_HEADER,
    ContentReply,
    ContentSpan,
    ProcessKind,
    Ready,
    Reply,
    encode_frame,
)

SPAN = ContentSpan(path="photos.zip", offset=0, length=SCAN.size)


def read(
    message: Reply, *, budgets: Budgets | None = None, digests: bool = False
) -> ContentReply | None:
    """Read a reply to the third content of an upload."""
    return read_reply(
        encode_frame(message)[FRAME_HEADER.size :],
        SPAN,
        index=2,
        budgets=budgets or Budgets(),
        digests=digests,
    )


def read_scan(scan: Scan, *, budgets: Budgets | None = None) -> Scan | None:
    """Read a reply with this scan."""
    reply = read(ContentReply(index=2, scan=scan), budgets=budgets)
    return None if reply is None else reply.scan


def test_reply_is_put_under_the_path_of_its_content() -> None:
    """A scanner does not know paths: they begin with the content's own."""
    scan = read_scan(SCAN)

    assert scan is not None
    assert [each.path for each in scan.walk()] == [
        "photos.zip",
        "photos.zip!/2024/a.jpg",
    ]


def test_reply_keeps_what_was_found() -> None:
    """Views, reasons and nested contents arrive unchanged."""
    scan = read_scan(SCAN)

    assert scan is not None
    assert (scan.kind, scan.size, scan.views) == (SCAN.kind, SCAN.size, SCAN.views)
    assert scan.reason is SCAN.reason
    assert scan.contents == (replace(INNER, path="photos.zip!/2024/a.jpg"),)


def test_digests_of_a_content_are_believed_only_when_asked_for() -> None:
    """A decoder that was taken over must not choose the signals for the look-up."""
    unasked = read(ContentReply(index=2, scan=SCAN))
    asked = read(ContentReply(index=2, scan=SCAN), digests=True)

    assert unasked is not None
    assert unasked.scan.exact == ()
    assert asked is not None
    assert asked.scan.exact == DIGESTS


def _with_view(**changes: object) -> Scan:
    return replace(SCAN, views=(replace(VIEW, **changes),))  # type: ignore[arg-type]  # any field


def _with_inner(**changes: object) -> Scan:
    return replace(SCAN, contents=(replace(INNER, **changes),))  # type: ignore[arg-type]  # any field


def _plane(value: float) -> bytes:
    values = np.zeros(64 * 64, np.float32)
    values[1234] = value
    return values.tobytes()


def _nested(depth: int) -> Scan:
    scan = replace(INNER, path="!/a" * depth)
    for level in reversed(range(1, depth)):
        scan = replace(INNER, path="!/a" * level, contents=(scan,))
    return replace(SCAN, contents=(scan,))


EMPTY = Scan(path="", kind="zip", size=SCAN.size)
EXACT_IN_VIEW = SignalRow(type=SignalType.MD5, values=bytes(16))


@pytest.mark.parametrize(
    "scan",
    [
        pytest.param(replace(SCAN, path="other.zip"), id="another-path"),
        pytest.param(replace(SCAN, size=99), id="another-size"),
        pytest.param(replace(SCAN, kind="jpeg\nverdict=MATCH"), id="kind-of-its-own"),
        pytest.param(replace(SCAN, kind=""), id="no-kind"),
        pytest.param(replace(SCAN, reason=Reason.NO_SCANNER), id="incapacity"),
        pytest.param(
            replace(SCAN, reason=Reason.CRASHED, further=(Reason.NO_SCANNER,)),
            id="further-incapacity",
        ),
        pytest.param(
            replace(SCAN, reason=Reason.CRASHED, further=(Reason.CRASHED,)),
            id="reason-twice",
        ),
        pytest.param(
            replace(SCAN, reason=None, further=(Reason.CRASHED,)), id="no-first-reason"
        ),
        pytest.param(replace(SCAN, reason=Reason.ABORTED), id="refusal"),
        pytest.param(_with_inner(path="!/a\x1b[2J"), id="name-for-a-terminal"),
        pytest.param(_with_inner(reason=Reason.OVERLOADED), id="incapacity-within"),
        pytest.param(_with_inner(reason=Reason.LOW_QUALITY), id="says-what-matches"),
        pytest.param(replace(SCAN, exact=DIGESTS[:1]), id="one-digest"),
        pytest.param(replace(SCAN, exact=DIGESTS[::-1]), id="digests-in-disorder"),
        pytest.param(replace(SCAN, views=(VIEW, VIEW)), id="one-view-twice"),
        pytest.param(_with_view(name="Stored"), id="name-of-a-view"),
        pytest.param(_with_view(name="frame:"), id="half-a-name"),
        pytest.param(_with_view(name="frame:1/"), id="half-a-path"),
        pytest.param(_with_view(name="a/b/c/d/e"), id="name-of-five-words"),
        pytest.param(_with_view(name="frame:1234567"), id="name-with-a-long-number"),
        pytest.param(replace(SCAN, dropped=-1), id="negative-number-dropped"),
        pytest.param(
            replace(SCAN, dropped=Budgets().max_contents + 1), id="too-many-dropped"
        ),
        pytest.param(_with_view(name="stored\n"), id="name-with-a-line-end"),
        pytest.param(_with_view(plane=b""), id="no-plane"),
        pytest.param(_with_view(plane=VIEW.plane[:-1]), id="short-plane"),
        pytest.param(_with_view(plane=VIEW.plane * 2), id="long-plane"),
        pytest.param(_with_view(plane=_plane(np.nan)), id="nan"),
        pytest.param(_with_view(plane=_plane(np.inf)), id="infinite"),
        pytest.param(_with_view(plane=_plane(-1e30)), id="huge"),
        pytest.param(_with_view(aspect=0.0), id="no-width"),
        pytest.param(_with_view(aspect=float("nan")), id="aspect-is-no-number"),
        pytest.param(_with_view(aspect=float("inf")), id="no-height"),
        pytest.param(_with_view(rows=(EXACT_IN_VIEW,)), id="digest-in-a-view"),
        pytest.param(_with_inner(path="!/"), id="nested-without-a-name"),
        pytest.param(_with_inner(path="../a.jpg"), id="nested-elsewhere"),
        pytest.param(_with_inner(path="!/" + "a" * 5000), id="nested-with-long-name"),
        pytest.param(_with_inner(size=-1), id="nested-of-negative-size"),
        pytest.param(_with_inner(views=(VIEW, VIEW)), id="nested-one-view-twice"),
        pytest.param(_nested(Budgets().max_depth + 2), id="nested-too-deeply"),
    ],
)
def test_lie_is_no_reply(scan: Scan) -> None:
    """A reply that no scanner of this package would send is refused."""
    assert read_scan(scan) is None


@pytest.mark.parametrize(
    ("scan", "budgets"),
    [
        pytest.param(SCAN, Budgets(max_contents=0), id="contents"),
        pytest.param(_with_inner(), Budgets(max_views=1), id="views"),
        pytest.param(SCAN, Budgets(max_signals=3), id="signals"),
        pytest.param(SCAN, Budgets(max_upload_signals=5), id="signals-of-all"),
        pytest.param(_nested(4), Budgets(max_depth=2), id="depth"),
        pytest.param(replace(SCAN, dropped=9), Budgets(max_contents=8), id="dropped"),
    ],
)
def test_reply_beyond_the_budgets_is_none(scan: Scan, budgets: Budgets) -> None:
    """A scanner counts for itself; one that does not is not believed."""
    assert read_scan(scan) is not None
    assert read_scan(scan, budgets=budgets) is None


@pytest.mark.parametrize("name", ["stored", "trim:1", "frame:3/white/trim:1/icc"])
def test_view_has_a_name_of_words(name: str) -> None:
    """Words with numbers, joined by ``/``."""
    assert read_scan(_with_view(name=name)) is not None


def test_reply_may_be_a_part() -> None:
    """Whether more is to come is for the reader to know."""
    reply = read(ContentReply(index=2, scan=SCAN, is_last=False))

    assert reply is not None
    assert not reply.is_last


@pytest.mark.parametrize(
    ("scan", "is_last", "is_sound"),
    [
        pytest.param(EMPTY, True, True, id="empty-and-last"),
        pytest.param(EMPTY, False, False, id="more-to-come"),
        pytest.param(SCAN, True, False, id="with-something-seen"),
    ],
)
def test_reply_that_wants_to_be_alone_says_nothing_else(
    scan: Scan, *, is_last: bool, is_sound: bool
) -> None:
    """The content is scanned again, so that nothing of it may be claimed."""
    message = ContentReply(index=2, scan=scan, is_last=is_last, needs=ProcessKind.ALONE)

    assert (read(message) is not None) is is_sound


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Ready(), id="ready-again"),
        pytest.param(ContentReply(index=1, scan=SCAN), id="earlier"),
        pytest.param(ContentReply(index=3, scan=SCAN), id="later"),
        pytest.param(ContentReply(index=2, scan=SCAN, fault="a b"), id="fault"),
        pytest.param(
            ContentReply(index=2, scan=SCAN, fault="a@b:x"), id="fault's place"
        ),
    ],
)
def test_message_out_of_turn_is_no_reply(message: Reply) -> None:
    """The reply to one content is not taken for another's."""
    assert read(message) is None


def test_fault_names_an_exception() -> None:
    """The class of an exception helps to find the bug."""
    reply = read(ContentReply(index=2, scan=SCAN, fault="error"))

    assert reply is not None
    assert reply.fault == "error"


@pytest.mark.parametrize("signal_type", [SignalType.PDQ, SignalType.MD5])
def test_signal_of_the_wrong_length_is_no_reply(signal_type: SignalType) -> None:
    """A value that is longer than its type is refused before it becomes a signal."""
    body = encode_frame(ContentReply(index=2, scan=SCAN))[FRAME_HEADER.size :]
    name = b"\xa3" + signal_type.value.encode()

    assert body.count(name)
    assert _read_body(body) is not None
    assert _read_body(body.replace(name, b"\xa4sha1", 1)) is None


def _read_body(body: bytes) -> ContentReply | None:
    return read_reply(body, SPAN, index=2, budgets=Budgets(), digests=True)


def test_only_a_coded_content_may_have_an_improper_coding() -> None:
    """The proxy refuses other codings itself, so no scanner may say so."""
    nested = Scan(
        path="!/decoded", kind="data", size=3, reason=Reason.UNSUPPORTED_CODING
    )
    scan = Scan(path="", kind="gzip", size=SPAN.length, contents=(nested,))
    frame = encode_frame(ContentReply(index=0, scan=scan))[FRAME_HEADER.size :]

    for coding, is_read in ((None, False), ("gzip", True)):
        span = msgspec.structs.replace(SPAN, coding=coding)
        reply = read_reply(frame, span, index=0, budgets=Budgets(), digests=False)
        assert (reply is not None) is is_read
