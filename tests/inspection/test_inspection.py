"""The way of one upload, without a socket: events in, commands out."""

import gzip
import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspection.playbook import RAW, Playbook
from uploadfilter.decisions.policy import Policy
from uploadfilter.inspection.commands import (
    Command,
    Forward,
    Hold,
    KeepSlice,
    LookUp,
    MatchSignals,
    Record,
    StartScan,
    Where,
)
from uploadfilter.inspection.inspection import Inspection
from uploadfilter.inspection.planning import InspectionPlan
from uploadfilter.inspection.states import InspectionState, UnexpectedEventError
from uploadfilter.model import (
    INCAPACITY,
    Action,
    EntryState,
    Match,
    Mode,
    Reason,
    Scan,
    SignalType,
    Verdict,
)
from uploadfilter.rejections import Outcome
from uploadfilter.signals.exact import Digests
from uploadfilter.uploads.head.awschunked import Framing
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.answering.answer import Answer

FORM = BodyPlan(kind=BodyKind.FORM, boundary=b"b0undary")
REFUSED = Refusal(status=415, reason=Reason.UNSUPPORTED_CODING, detail="No codings.")
UNFRAMEABLE = Refusal(status=400, reason=Reason.MALFORMED_REQUEST, detail="Not HTTP.")
LISTED = Match(
    content="0",
    set="demo",
    entry="1",
    category="a",
    state=EntryState.ACTIVE,
    signal_type=SignalType.MD5,
    distance=0,
)
MONITORED = replace(LISTED, state=EntryState.MONITORED)
NEAR = replace(LISTED, signal_type=SignalType.PDQ, distance=8, view="stored")


def form(*contents: bytes) -> bytes:
    """Encode a form with one file part for each content."""
    parts = [
        b"--b0undary\r\n"
        b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % content
        for content in contents
    ]
    return b"".join(parts) + b"--b0undary--\r\n"


def test_accepted_upload_is_forwarded_after_its_record() -> None:
    """An upload without a match is forwarded, after its record and not before."""
    played = Playbook().receive(b"abc", b"def")
    judgement = played.match().judgement
    assert [type(it) for it in played.commands] == [
        *(Hold, Hold, LookUp, StartScan, MatchSignals, Record)
    ]
    assert played.held(Where.BODY) == b"abcdef"
    assert (judgement.verdict, judgement.effect) == (Verdict.NO_MATCH, Action.ACCEPT)
    assert played.effect() == Forward(where=Where.BODY, parts=None, unread=False)
    assert played.upload.state is InspectionState.OVER


def test_digests_are_those_of_the_bytes_that_arrived() -> None:
    """The proxy's own digests go into the look-up, however the body was cut."""
    digests = Digests()
    digests.update(b"abcdef")
    looked_up = Playbook().receive(b"abc", b"def").end().look_up_command

    assert looked_up.contents[0].exact == digests.signals()


@pytest.mark.parametrize(
    ("by_digest", "by_view"),
    [([LISTED], [LISTED]), ([MONITORED], [MONITORED]), ([], [NEAR]), ([], [])],
    ids=["exact", "monitored", "near", "none"],
)
def test_work_does_not_tell_the_kind_of_match(
    by_digest: list[Match], by_view: list[Match]
) -> None:
    """Every content is scanned and searched for before anything is decided."""
    played = Playbook().receive(b"abcdef")
    found = played.match(*by_view, exact=by_digest)

    assert [type(it) for it in played.commands] == [
        *(Hold, LookUp, StartScan, MatchSignals, Record)
    ]
    assert played.of(StartScan) == [
        StartScan(where=Where.BODY, contents=played.look_up_command.contents)
    ]
    is_listed = LISTED in by_digest or NEAR in by_view
    assert found.status == (403 if is_listed else None)


@pytest.mark.parametrize("reason", sorted(INCAPACITY))
def test_exact_match_counts_though_the_scan_fails(reason: Reason) -> None:
    """A match by digest counts, whatever happens to the other contents."""
    played = Playbook().receive(b"abcdef").look_up(LISTED)
    found = played.fail(reason)

    assert (found.judgement.verdict, found.status) == (Verdict.MATCH, 403)
    assert played.effect() == Answer(outcome=Outcome.REJECTED, status=403)


@pytest.mark.parametrize("order", [1, -1], ids=["monitored-first", "listed-first"])
def test_monitored_match_beside_a_listed_picture_is_rejected(order: int) -> None:
    """In one form, in both orders, the listed picture decides."""
    matches = [MONITORED, replace(LISTED, content="1")][::order]
    played = Playbook(FORM).receive(form(b"first", b"second"))

    assert played.match(*matches, exact=matches).judgement.action is Action.REJECT


def test_scanners_digests_are_not_believed() -> None:
    """A scanner that was taken over cannot give a content another's digests."""
    lie = Digests()
    lie.update(b"harmless")
    played = Playbook().receive(b"abcdef")
    played.scan(Scan(path="7", kind="jpeg", size=6, exact=lie.signals()))
    ((scan,),) = [it.scans for it in played.of(MatchSignals)]

    assert scan.exact == played.look_up_command.contents[0].exact
    assert scan.path == "0"


def test_monitor_forwards_what_enforce_would_reject() -> None:
    """In MONITOR the record says REJECT and the bytes go on."""
    played = Playbook(mode=Mode.MONITOR).receive(b"abcdef")
    judgement = played.match(LISTED, exact=[LISTED]).judgement

    assert (judgement.action, judgement.effect) == (Action.REJECT, Action.ACCEPT)
    assert played.effect() == Forward(where=Where.BODY, parts=None, unread=False)


def test_enforced_form_is_held_as_contents_and_encoded_anew() -> None:
    """In ENFORCE only the contents of a form are held; the framing is written anew."""
    played = Playbook(FORM).receive(form(b"first", b"second"))
    played.match()
    forward = played.effect()

    assert played.held(Where.BODY) == b""
    assert played.held(Where.CONTENTS) == b"firstsecond"
    assert isinstance(forward, Forward)
    assert forward.parts is not None
    assert [part.length for part in forward.parts] == [5, 6]


def test_monitored_form_is_held_twice_and_forwarded_as_it_came() -> None:
    """In MONITOR the original bytes of a form are forwarded."""
    body = form(b"first")
    played = Playbook(FORM, Mode.MONITOR).receive(body)
    played.match()

    assert played.held(Where.BODY) == body
    assert played.held(Where.CONTENTS) == b"first"
    assert played.effect() == Forward(where=Where.BODY, parts=None, unread=False)


def test_malformed_form_is_refused_in_mid_body() -> None:
    """In ENFORCE a form that cannot be read ends at once."""
    played = Playbook(FORM).receive(b"\0not a form at all\r\n" * 3)

    assert played.record.judgement.reason is Reason.MALFORMED_FORM
    answer = played.effect()
    assert isinstance(answer, Answer)
    assert answer.status == 400


def test_malformed_form_goes_on_in_monitor() -> None:
    """In MONITOR the rest is still held, and the contents so far are looked up."""
    body = form(b"first")[:-4] + b"\r\n--b0undary\r\ngarbage"
    played = Playbook(FORM, Mode.MONITOR).receive(body)
    played.receive(b"more")

    assert played.match(LISTED, exact=[LISTED]).judgement.verdict is Verdict.MATCH
    assert played.held(Where.BODY) == body + b"more"
    assert played.effect() == Forward(where=Where.BODY, parts=None, unread=False)


def test_refused_head_is_answered_before_the_body() -> None:
    """A head that two parsers could read differently ends the upload."""
    played = Playbook(REFUSED)

    assert played.record.status == 415
    assert played.effect() == Answer(
        outcome=Outcome.REFUSED,
        status=415,
        reason=Reason.UNSUPPORTED_CODING,
        detail="No codings.",
    )


def test_refused_head_goes_on_in_monitor_and_is_inspected_as_it_is() -> None:
    """In MONITOR the bytes are inspected and forwarded; the record says REJECT."""
    judgement = Playbook(REFUSED, Mode.MONITOR).receive(b"abcdef").match().judgement

    assert judgement.reason is Reason.UNSUPPORTED_CODING
    assert (judgement.action, judgement.effect) == (Action.REJECT, Action.ACCEPT)


def test_unframeable_head_is_refused_in_monitor_too() -> None:
    """A body without clear framing cannot be forwarded."""
    played = Playbook(UNFRAMEABLE, Mode.MONITOR)

    assert played.record.judgement.effect is Action.REJECT


@pytest.mark.parametrize("mode", list(Mode))
def test_body_over_the_limit_is_refused(mode: Mode) -> None:
    """A body that grows over the limit is refused in both modes, and not held."""
    played = Playbook(mode=mode, limits=UploadLimits(max_body_bytes=5))
    played.receive(b"123456")

    assert played.held(Where.BODY) == b""
    assert played.record.status == 413


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        pytest.param(Reason.TOO_SLOW, 408, id="slow"),
        pytest.param(Reason.ABORTED, 400, id="gone"),
        pytest.param(Reason.MALFORMED_REQUEST, 400, id="garbage"),
        pytest.param(Reason.SPOOL_FULL, 503, id="spool"),
        pytest.param(Reason.NO_REFERENCE_SET, 503, id="reference"),
        pytest.param(Reason.INTERNAL_ERROR, 503, id="bug"),
    ],
)
def test_failure_is_recorded_and_answered(reason: Reason, status: int) -> None:
    """Every failure in ENFORCE is on record, and the origin gets nothing."""
    played = Playbook().receive(b"abc")

    assert played.fail(reason).judgement.reason is reason
    assert played.effect() == Answer(
        outcome=Outcome.LATER if status == 503 else Outcome.REFUSED,
        status=status,
        reason=reason,
    )


@pytest.mark.parametrize(
    "reason", [Reason.NO_REFERENCE_SET, Reason.INTERNAL_ERROR, Reason.SPOOL_FULL]
)
@pytest.mark.parametrize("ended", [False, True])
def test_incapacity_in_monitor_goes_on_with_what_is_unread(
    reason: Reason, *, ended: bool
) -> None:
    """In MONITOR a fault of the filter costs no upload, not even within a body."""
    played = Playbook(mode=Mode.MONITOR).receive(b"abc")
    if ended:
        played.end()
    judgement = played.fail(reason).judgement

    assert (judgement.action, judgement.effect) == (Action.RETRY_LATER, Action.ACCEPT)
    assert played.effect() == Forward(where=Where.BODY, parts=None, unread=not ended)


def test_failure_after_the_decision_changes_nothing() -> None:
    """There is one decision, and it is the first one."""
    played = Playbook().receive(b"abc")

    assert played.fail(Reason.TOO_SLOW) == played.fail(Reason.ABORTED)


def test_decision_that_is_not_durable_has_no_effect() -> None:
    """If the record cannot be written, the client is told to come back."""
    played = Playbook().receive(b"abc")
    played.fail(Reason.TOO_SLOW)
    exempt = Playbook(exempt=True)

    for upload in (played.upload, exempt.upload):
        assert upload.record_failed() == [
            Answer(outcome=Outcome.LATER, status=503, reason=Reason.LOG_UNWRITABLE)
        ]


def test_failed_scan_is_rejected_with_its_reason() -> None:
    """Content that harms a scanner is a 403, like every policy rejection."""
    played = Playbook().receive(b"abcdef")
    judgement = played.match(reason=Reason.TOO_MANY_PIXELS).judgement

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert played.effect() == Answer(
        outcome=Outcome.REJECTED, status=403, reason=Reason.TOO_MANY_PIXELS
    )


def test_empty_form_is_forwarded_without_a_scan() -> None:
    """A form without parts has no contents to scan."""
    played = Playbook(FORM).receive(b"--b0undary--\r\n").look_up()

    assert played.record.judgement.verdict is Verdict.NO_MATCH


@given(
    cuts=st.lists(st.integers(0, 200), max_size=8),
    mode=st.sampled_from(Mode),
    plan=st.sampled_from([RAW, FORM]),
)
def test_body_is_held_the_same_however_it_is_cut(
    cuts: list[int], mode: Mode, plan: BodyPlan
) -> None:
    """Chunks depend on the network: the spools hold the same bytes."""
    body = form(b"first", b"\r\n--b0undar", b"")
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    cut = [body[start:end] for start, end in itertools.pairwise(edges)]
    whole = Playbook(plan, mode).receive(body).end()
    pieces = Playbook(plan, mode).receive(*cut).end()

    for where in Where:
        assert pieces.held(where) == whole.held(where)
    assert pieces.commands[-1] == whole.commands[-1]


EVENTS: dict[str, Callable[[Inspection], list[Command]]] = {
    "begin": lambda upload: upload.begin(),
    "receive": lambda upload: upload.receive(form(b"a", b"b")),
    "end": lambda upload: upload.end(),
    "no slice": lambda upload: upload.no_slice(),
    "looked up": lambda upload: upload.looked_up([]),
    "scanned": lambda upload: upload.scanned([Scan(path="", kind="data", size=1)] * 2),
    "listed": lambda upload: upload.matched([LISTED]),
    "nothing": lambda upload: upload.matched([]),
    "gone": lambda upload: upload.failed(Reason.ABORTED),
    "recorded": lambda upload: upload.recorded(),
    "not recorded": lambda upload: upload.record_failed(),
}


@given(
    events=st.lists(st.sampled_from(sorted(EVENTS)), max_size=30),
    mode=st.sampled_from(Mode),
)
def test_nothing_is_forwarded_before_it_is_recorded(
    events: list[str], mode: Mode
) -> None:
    """Whatever the order of events: one record, and one effect, which follows it.

    An event out of order is refused, and changes nothing.
    """
    plan = InspectionPlan(
        body=FORM, mode=mode, policy=Policy(), limits=UploadLimits(max_files=3)
    )
    upload, done, kinds = Inspection(plan), [], []
    for event in events:
        before = upload.state
        try:
            commands = EVENTS[event](upload)
        except UnexpectedEventError:
            assert upload.state is before
            continue
        done.append(event)
        kinds += [type(it) for it in commands]

    effects = [place for place, kind in enumerate(kinds) if kind in {Forward, Answer}]
    assert kinds.count(Record) <= 1
    assert len(effects) == sum("recorded" in event for event in done) <= 1
    assert all(kinds.index(Record) < place for place in effects)
    assert upload.state is not InspectionState.OVER or effects


def test_exempt_upload_is_recorded_and_goes_on_unread() -> None:
    """None of its bytes is inspected, and it is forwarded after its record."""
    for plan, mode in itertools.product((RAW, FORM), Mode):
        played = Playbook(plan, mode, exempt=True)
        found = played.record
        assert found.judgement.reason is Reason.EXEMPT
        assert found.judgement.verdict is Verdict.INCONCLUSIVE
        assert found.judgement.effect is Action.ACCEPT
        assert (found.scans, found.status) == ((), None)
        assert played.effect() == Forward(where=Where.BODY, parts=None, unread=True)


def test_exempt_upload_with_a_bad_head_is_refused() -> None:
    """An exemption is for contents, and not for faults of a request."""
    for mode in Mode:
        judgement = Playbook(UNFRAMEABLE, mode, exempt=True).record.judgement
        assert judgement.reason is Reason.MALFORMED_REQUEST
        assert judgement.effect is Action.REJECT


PIECE = replace(RAW, is_piece=True)
PIECE_OF_FORM = (
    b'--b0undary\r\nContent-Disposition: form-data; name="chunk"\r\n\r\n1\r\n'
)


def test_piece_is_refused_by_its_head() -> None:
    """It is refused before the body, and the client learns the reason."""
    played = Playbook(PIECE)

    assert played.record.judgement.reason is Reason.PIECEWISE_UPLOAD
    answer = played.effect()
    assert isinstance(answer, Answer)
    assert (answer.status, bool(answer.detail)) == (400, True)


def test_piece_is_refused_by_the_fields_of_its_form() -> None:
    """It is refused at the end of the form, before a scan."""
    played = Playbook(FORM).receive(PIECE_OF_FORM + form(b"half")).end()

    assert played.record.judgement.reason is Reason.PIECEWISE_UPLOAD
    assert not played.of(LookUp)
    assert isinstance(played.effect(), Answer)


@pytest.mark.parametrize("plan", [PIECE, FORM], ids=["head", "form"])
@pytest.mark.parametrize("mode", list(Mode))
def test_piece_is_inspected_where_it_is_taken(plan: BodyPlan, mode: Mode) -> None:
    """It is inspected by itself, and never counts as checked; a match is rejected."""
    policy = Policy(piecewise_upload=Action.ACCEPT)
    for matches, verdict, action in (
        ([], Verdict.INCONCLUSIVE, Action.ACCEPT),
        ([LISTED], Verdict.MATCH, Action.REJECT),
    ):
        body = PIECE_OF_FORM + form(b"half") if plan is FORM else b"half"
        played = Playbook(plan, mode, policy=policy).receive(body)
        judgement = played.match(*matches, exact=matches).judgement

        assert (judgement.verdict, judgement.action) == (verdict, action)


def test_piece_is_recorded_in_monitor() -> None:
    """It is forwarded, and the record states the decision it would have had."""
    judgement = Playbook(PIECE, Mode.MONITOR).receive(b"abcdef").match().judgement

    assert judgement.reason is Reason.PIECEWISE_UPLOAD
    assert (judgement.action, judgement.effect) == (Action.REJECT, Action.ACCEPT)


def test_exempt_piece_goes_on() -> None:
    """An exempt upload is not inspected, whether it is whole or a piece."""
    played = Playbook(PIECE, exempt=True)

    assert played.record.judgement.reason is Reason.EXEMPT


SLICE = (
    b'--b0undary\r\nContent-Disposition: form-data; name="dzchunkindex"\r\n\r\n0\r\n'
    b'--b0undary\r\nContent-Disposition: form-data; name="dztotalchunkcount"\r\n\r\n'
    b'2\r\n--b0undary\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a"\r\n\r\nhalf\r\n--b0undary--\r\n'
)


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_slice_in_a_coding_is_a_piece_like_any_other(coding: str | None) -> None:
    """No uploader packs slices, and one that waits is sent on by its first head."""
    played = Playbook(replace(FORM, coding=coding), keeps_slices=True)
    played.receive(SLICE if coding is None else gzip.compress(SLICE)).end()

    if coding is None:
        assert isinstance(played.commands[-1], KeepSlice)
        played.commands += played.upload.no_slice()
    assert played.record.judgement.reason is Reason.PIECEWISE_UPLOAD


def framed(*sizes: int, undone: bool = False) -> Playbook:
    """Take an upload in the framing of S3, a JPEG in chunks."""
    framing = Framing(decoded_length=sum(sizes), is_signed=True)
    plan = BodyPlan(kind=BodyKind.RAW, declared_type="image/jpeg", framing=framing)
    played = Playbook(plan, undoes_framing=undone)
    mark = b";chunk-signature=" + b"a" * 64
    for size in (*sizes, 0):
        data = b"\xff\xd8\xff".ljust(size)[:size]
        played.receive(b"%x%s\r\n%s\r\n" % (size, mark, data))
    return played.end()


def test_framed_body_in_one_chunk_is_one_content() -> None:
    """Around the object there are only lines of a known form."""
    (content,) = framed(9).look_up_command.contents

    assert (content.coding, content.declared_type) == ("aws-chunked", "image/jpeg")


def test_framed_body_in_several_chunks_is_looked_at_as_sent_too() -> None:
    """An origin that does not know the framing stores the bytes as they are."""
    whole, as_sent = framed(9, 8).look_up_command.contents

    assert (as_sent.path, as_sent.coding, as_sent.declared_type) == ("1", None, None)
    assert (as_sent.offset, as_sent.length) == (whole.offset, whole.length)


def test_framed_body_for_an_origin_that_undoes_it_is_one_content() -> None:
    """No one gets the bytes as they were sent: the route says that it speaks S3."""
    (content,) = framed(9, 8, undone=True).look_up_command.contents

    assert content.coding == "aws-chunked"


@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        (Reason.TRUNCATED, False),
        (Reason.UNDECODABLE, False),
        (Reason.NOT_INSPECTED, False),
        (Reason.OUT_OF_TIME, True),
        (Reason.TOO_MANY_CONTENTS, True),
        (Reason.CRASHED, True),
        (Reason.NO_SCANNER, True),
    ],
)
def test_shape_of_bytes_as_sent_means_nothing_and_budgets_do(
    reason: Reason, *, counts: bool
) -> None:
    """Every file is broken where a chunk ends; but a bomb must not hide a match."""
    for index in (0, 1):
        nested = Scan(path="!/a", kind="zip", size=3, reason=reason)
        scans = [Scan(path="", kind="data", size=9)] * 2
        scans[index] = replace(scans[index], contents=(nested,))
        found = framed(9, 8).scan(*scans).match().judgement.reason

        assert (found is reason) is (counts or index == 0)


def test_match_in_bytes_as_sent_counts() -> None:
    """A picture that only an origin without the framing gets is listed all the same."""
    judged = framed(9, 8).match(replace(NEAR, content="1"))

    assert judged.judgement.action is Action.REJECT


@pytest.mark.parametrize("mode", Mode)
def test_improper_framing_is_refused(mode: Mode) -> None:
    """In MONITOR it goes on, on record."""
    framing = Framing(decoded_length=4, is_signed=False, checksum="crc32")
    played = Playbook(BodyPlan(kind=BodyKind.RAW, framing=framing), mode)
    played.receive(b"4\r\ndata0\r\n", b"more").look_up()

    assert played.record.judgement.reason is Reason.UNSUPPORTED_CODING
    last = played.effect()
    if mode is Mode.ENFORCE:
        assert isinstance(last, Answer)
        assert last.status == 400
    else:
        assert last == Forward(where=Where.BODY, parts=None, unread=False)


def test_pieces_that_are_shown_are_looked_up_and_scanned() -> None:
    """Data is only looked up; the shape of a cut file is no reason, a budget is one."""
    played = Playbook(shown=(4, 6)).receive(b"text\1\2", b"\1\2\3\4")
    played.scan(
        Scan(path="", kind="text", size=10),
        Scan(path="", kind="text", size=4, reason=Reason.TRUNCATED),
    )
    contents = played.look_up_command.contents
    (start,), (search,) = played.of(StartScan), played.of(MatchSignals)

    assert [(it.offset, it.length) for it in contents] == [(0, 10), (0, 4), (4, 6)]
    assert start.contents == contents[:2]
    assert [it.path for it in search.scans] == ["0", "1", "2"]
    assert [it.reason for it in search.scans] == [None, None, None]
    assert [it.exact for it in search.scans] == [it.exact for it in contents]
    judgement = played.match(replace(LISTED, content="2")).judgement
    assert judgement.verdict is Verdict.MATCH
