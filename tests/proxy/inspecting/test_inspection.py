"""The way of one upload, without a socket: events in, commands out."""

import gzip
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.decisions.policy import Policy
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
from uploadfilter.proxy.inspecting.commands import (
    Answer,
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
from uploadfilter.proxy.inspecting.inspection import Inspection
from uploadfilter.signals.exact import Digests
from uploadfilter.uploads.head.awschunked import Framing
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.limits import UploadLimits

RAW = BodyPlan(kind=BodyKind.RAW, declared_type="image/jpeg")
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


def inspect(
    plan: BodyPlan | Refusal = RAW,
    mode: Mode = Mode.ENFORCE,
    max_body: int = 1000,
    *,
    exempt: bool = False,
) -> Inspection:
    """Make an inspection with the policy that a new operator has."""
    limits = UploadLimits(max_body_bytes=max_body)
    return Inspection(plan, mode=mode, policy=Policy(), limits=limits, exempt=exempt)


def form(*contents: bytes) -> bytes:
    """Encode a form with one file part for each content."""
    parts = [
        b"--b0undary\r\n"
        b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % content
        for content in contents
    ]
    return b"".join(parts) + b"--b0undary--\r\n"


def held(commands: Sequence[Command], where: Where) -> bytes:
    """Return the bytes that the commands put into one spool."""
    return b"".join(
        command.data
        for command in commands
        if isinstance(command, Hold) and command.where is where
    )


def record(commands: Sequence[Command]) -> Record:
    """Return the one record among the commands."""
    (found,) = [command for command in commands if isinstance(command, Record)]
    return found


def scanned(upload: Inspection, reason: Reason | None = None) -> list[Command]:
    """Let a scanner find nothing in a raw body."""
    return upload.scanned([Scan(path="", kind="jpeg", size=6, reason=reason)])


def test_accepted_upload_is_forwarded_after_its_record() -> None:
    """An upload without a match is forwarded, after its record and not before."""
    upload = inspect()

    assert upload.begin() == []
    assert upload.receive(b"abc") == [Hold(where=Where.BODY, data=b"abc")]
    assert upload.receive(b"def") == [Hold(where=Where.BODY, data=b"def")]
    (look_up,) = upload.end()
    assert isinstance(look_up, LookUp)
    assert upload.looked_up([]) == [
        StartScan(where=Where.BODY, contents=look_up.contents)
    ]
    (search,) = scanned(upload)
    assert isinstance(search, MatchSignals)
    judgement = record(upload.matched([])).judgement
    assert (judgement.verdict, judgement.effect) == (Verdict.NO_MATCH, Action.ACCEPT)
    assert upload.recorded() == [Forward(where=Where.BODY, parts=None, unread=False)]


def test_digests_are_those_of_the_bytes_that_arrived() -> None:
    """The proxy's own digests go into the look-up, however the body was cut."""
    upload = inspect()
    upload.receive(b"abc")
    upload.receive(b"def")
    (look_up,) = upload.end()
    digests = Digests()
    digests.update(b"abcdef")

    assert isinstance(look_up, LookUp)
    assert look_up.contents[0].exact == digests.signals()


@pytest.mark.parametrize(
    ("by_digest", "by_view"),
    [([LISTED], [LISTED]), ([MONITORED], [MONITORED]), ([], [NEAR]), ([], [])],
    ids=["exact", "monitored", "near", "none"],
)
def test_work_does_not_tell_the_kind_of_match(
    by_digest: list[Match], by_view: list[Match]
) -> None:
    """Every content is scanned and searched for before anything is decided."""
    upload = inspect()
    upload.receive(b"abcdef")
    (look_up,) = upload.end()

    assert isinstance(look_up, LookUp)
    (scan,) = upload.looked_up(by_digest)
    assert scan == StartScan(where=Where.BODY, contents=look_up.contents)
    (search,) = scanned(upload)
    assert isinstance(search, MatchSignals)
    status = 403 if LISTED in by_digest or NEAR in by_view else None
    assert record(upload.matched(by_view)).status == status


@pytest.mark.parametrize("reason", sorted(INCAPACITY))
def test_exact_match_counts_though_the_scan_fails(reason: Reason) -> None:
    """A match by digest counts, whatever happens to the other contents."""
    upload = inspect()
    upload.receive(b"abcdef")
    upload.end()
    upload.looked_up([LISTED])

    found = record(upload.failed(reason))

    assert (found.judgement.verdict, found.status) == (Verdict.MATCH, 403)
    assert upload.recorded() == [Answer(status=403, reason=None, is_rejection=True)]


@pytest.mark.parametrize("order", [1, -1], ids=["monitored-first", "listed-first"])
def test_monitored_match_beside_a_listed_picture_is_rejected(order: int) -> None:
    """In one form, in both orders, the listed picture decides."""
    upload = inspect(FORM)
    upload.receive(form(b"first", b"second"))
    upload.end()
    matches = [MONITORED, replace(LISTED, content="1")][::order]

    upload.looked_up(matches)
    upload.scanned([Scan(path="", kind="data", size=5)] * 2)

    assert record(upload.matched(matches)).judgement.action is Action.REJECT


def test_scanners_digests_are_not_believed() -> None:
    """A scanner that was taken over cannot give a content another's digests."""
    upload = inspect()
    upload.receive(b"abcdef")
    (look_up,) = upload.end()
    upload.looked_up([])
    lie = Digests()
    lie.update(b"harmless")

    (search,) = upload.scanned(
        [Scan(path="7", kind="jpeg", size=6, exact=lie.signals())]
    )

    assert isinstance(look_up, LookUp)
    assert isinstance(search, MatchSignals)
    assert search.scans[0].exact == look_up.contents[0].exact
    assert search.scans[0].path == "0"


def test_monitor_forwards_what_enforce_would_reject() -> None:
    """In MONITOR the record says REJECT and the bytes go on."""
    upload = inspect(mode=Mode.MONITOR)
    upload.receive(b"abcdef")
    upload.end()

    upload.looked_up([LISTED])
    scanned(upload)
    judgement = record(upload.matched([LISTED])).judgement

    assert (judgement.action, judgement.effect) == (Action.REJECT, Action.ACCEPT)
    assert upload.recorded() == [Forward(where=Where.BODY, parts=None, unread=False)]


def test_enforced_form_is_held_as_contents_and_encoded_anew() -> None:
    """In ENFORCE only the contents of a form are held; the framing is written anew."""
    upload = inspect(FORM)

    commands = upload.receive(form(b"first", b"second")) + upload.end()
    upload.looked_up([])
    upload.scanned([Scan(path="", kind="data", size=5)] * 2)
    upload.matched([])
    (forward,) = upload.recorded()

    assert held(commands, Where.BODY) == b""
    assert held(commands, Where.CONTENTS) == b"firstsecond"
    assert isinstance(forward, Forward)
    assert forward.parts is not None
    assert [part.length for part in forward.parts] == [5, 6]


def test_monitored_form_is_held_twice_and_forwarded_as_it_came() -> None:
    """In MONITOR the original bytes of a form are forwarded."""
    upload = inspect(FORM, Mode.MONITOR)
    body = form(b"first")

    commands = upload.receive(body) + upload.end()
    upload.looked_up([])
    upload.scanned([Scan(path="", kind="data", size=5)])
    upload.matched([])

    assert held(commands, Where.BODY) == body
    assert held(commands, Where.CONTENTS) == b"first"
    assert upload.recorded() == [Forward(where=Where.BODY, parts=None, unread=False)]


def test_malformed_form_is_refused_in_mid_body() -> None:
    """In ENFORCE a form that cannot be read ends at once."""
    upload = inspect(FORM)

    commands = upload.receive(b"\0not a form at all\r\n" * 3)

    assert record(commands).judgement.reason is Reason.MALFORMED_FORM
    (answer,) = upload.recorded()
    assert isinstance(answer, Answer)
    assert answer.status == 400


def test_malformed_form_goes_on_in_monitor() -> None:
    """In MONITOR the rest is still held, and the contents so far are looked up."""
    upload = inspect(FORM, Mode.MONITOR)
    body = form(b"first")[:-4] + b"\r\n--b0undary\r\ngarbage"

    commands = upload.receive(body) + upload.receive(b"more") + upload.end()
    upload.looked_up([LISTED])
    upload.scanned([Scan(path="", kind="data", size=5)])
    judgement = record(upload.matched([LISTED])).judgement

    assert held(commands, Where.BODY) == body + b"more"
    assert judgement.verdict is Verdict.MATCH
    assert upload.recorded() == [Forward(where=Where.BODY, parts=None, unread=False)]


def test_refused_head_is_answered_before_the_body() -> None:
    """A head that two parsers could read differently ends the upload."""
    upload = inspect(REFUSED)

    assert record(upload.begin()).status == 415
    assert upload.recorded() == [
        Answer(status=415, reason=Reason.UNSUPPORTED_CODING, detail="No codings.")
    ]


def test_refused_head_goes_on_in_monitor_and_is_inspected_as_it_is() -> None:
    """In MONITOR the bytes are inspected and forwarded; the record says REJECT."""
    upload = inspect(REFUSED, Mode.MONITOR)

    assert upload.begin() == []
    upload.receive(b"abcdef")
    upload.end()
    upload.looked_up([])
    scanned(upload)
    judgement = record(upload.matched([])).judgement

    assert judgement.reason is Reason.UNSUPPORTED_CODING
    assert (judgement.action, judgement.effect) == (Action.REJECT, Action.ACCEPT)


def test_unframeable_head_is_refused_in_monitor_too() -> None:
    """A body without clear framing cannot be forwarded."""
    upload = inspect(UNFRAMEABLE, Mode.MONITOR)

    assert record(upload.begin()).judgement.effect is Action.REJECT


@pytest.mark.parametrize("mode", list(Mode))
def test_body_over_the_limit_is_refused(mode: Mode) -> None:
    """A body that grows over the limit is refused in both modes, and not held."""
    upload = inspect(mode=mode, max_body=5)

    commands = upload.receive(b"123456")

    assert held(commands, Where.BODY) == b""
    assert record(commands).status == 413


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
    upload = inspect()
    upload.receive(b"abc")

    assert record(upload.failed(reason)).judgement.reason is reason
    assert upload.recorded() == [Answer(status=status, reason=reason)]


@pytest.mark.parametrize(
    "reason", [Reason.NO_REFERENCE_SET, Reason.INTERNAL_ERROR, Reason.SPOOL_FULL]
)
def test_incapacity_in_monitor_goes_on_with_what_is_unread(reason: Reason) -> None:
    """In MONITOR a fault of the filter costs no upload, not even within a body."""
    upload = inspect(mode=Mode.MONITOR)
    upload.receive(b"abc")

    judgement = record(upload.failed(reason)).judgement

    assert (judgement.action, judgement.effect) == (Action.RETRY_LATER, Action.ACCEPT)
    assert upload.recorded() == [Forward(where=Where.BODY, parts=None, unread=True)]


def test_failure_after_the_decision_changes_nothing() -> None:
    """There is one decision, and it is the first one."""
    upload = inspect()
    upload.receive(b"abc")
    upload.failed(Reason.TOO_SLOW)

    assert upload.failed(Reason.ABORTED) == []


def test_decision_that_is_not_durable_has_no_effect() -> None:
    """If the record cannot be written, the client is told to come back."""
    upload = inspect()
    upload.receive(b"abc")
    upload.failed(Reason.TOO_SLOW)

    assert upload.record_failed() == [Answer(status=503, reason=Reason.LOG_UNWRITABLE)]


def test_failed_scan_is_rejected_with_its_reason() -> None:
    """Content that harms a scanner is a 403, like every policy rejection."""
    upload = inspect()
    upload.receive(b"abcdef")
    upload.end()
    upload.looked_up([])
    scanned(upload, Reason.TOO_MANY_PIXELS)

    judgement = record(upload.matched([])).judgement

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert upload.recorded() == [
        Answer(status=403, reason=Reason.TOO_MANY_PIXELS, is_rejection=True)
    ]


def test_empty_form_is_forwarded_without_a_scan() -> None:
    """A form without parts has no contents to scan."""
    upload = inspect(FORM)
    upload.receive(b"--b0undary--\r\n")
    upload.end()

    assert record(upload.looked_up([])).judgement.verdict is Verdict.NO_MATCH


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
    whole, pieces = inspect(plan, mode), inspect(plan, mode)
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]

    expected = whole.receive(body) + whole.end()
    got: list[Command] = []
    for start, end in itertools.pairwise(edges):
        got += pieces.receive(body[start:end])
    got += pieces.end()

    for where in Where:
        assert held(got, where) == held(expected, where)
    assert got[-1] == expected[-1]


EVENTS: dict[str, Callable[[Inspection], list[Command]]] = {
    "slow": lambda upload: upload.failed(Reason.TOO_SLOW),
    "gone": lambda upload: upload.failed(Reason.ABORTED),
    "listed": lambda upload: upload.matched([LISTED]),
    "nothing": lambda upload: upload.matched([]),
}


@given(events=st.lists(st.sampled_from(sorted(EVENTS)), min_size=1, max_size=4))
def test_nothing_is_forwarded_before_it_is_recorded(events: list[str]) -> None:
    """Whatever the order of events, only ``recorded`` has effects."""
    upload = inspect()
    commands = upload.receive(b"abcdef") + upload.end() + upload.looked_up([])
    commands += scanned(upload)
    for event in events:
        commands += EVENTS[event](upload)

    assert not [c for c in commands if isinstance(c, Forward | Answer)]


def test_exempt_upload_is_recorded_and_goes_on_unread() -> None:
    """None of its bytes is inspected, and it is forwarded after its record."""
    for plan, mode in itertools.product((RAW, FORM), Mode):
        inspection = inspect(plan, mode, exempt=True)
        (record,) = inspection.begin()
        assert isinstance(record, Record)
        assert record.judgement.reason is Reason.EXEMPT
        assert record.judgement.verdict is Verdict.INCONCLUSIVE
        assert record.judgement.effect is Action.ACCEPT
        assert (record.scans, record.status) == ((), None)
        assert inspection.recorded() == [
            Forward(where=Where.BODY, parts=None, unread=True)
        ]


def test_exempt_upload_with_a_bad_head_is_refused() -> None:
    """An exemption is for contents, and not for faults of a request."""
    for mode in Mode:
        (record,) = inspect(UNFRAMEABLE, mode, exempt=True).begin()
        assert isinstance(record, Record)
        assert record.judgement.reason is Reason.MALFORMED_REQUEST
        assert record.judgement.effect is Action.REJECT


def test_exempt_upload_that_cannot_be_recorded_is_not_forwarded() -> None:
    """No upload passes without a record."""
    inspection = inspect(exempt=True)
    inspection.begin()

    assert inspection.record_failed() == [
        Answer(status=503, reason=Reason.LOG_UNWRITABLE)
    ]


PIECE = replace(RAW, is_piece=True)
PIECE_OF_FORM = (
    b'--b0undary\r\nContent-Disposition: form-data; name="chunk"\r\n\r\n1\r\n'
)


def test_piece_is_refused_by_its_head() -> None:
    """It is refused before the body, and the client learns the reason."""
    upload = inspect(PIECE)

    assert record(upload.begin()).judgement.reason is Reason.PIECEWISE_UPLOAD
    (answer,) = upload.recorded()
    assert isinstance(answer, Answer)
    assert (answer.status, bool(answer.detail)) == (400, True)


def test_piece_is_refused_by_the_fields_of_its_form() -> None:
    """It is refused at the end of the form, before a scan."""
    upload = inspect(FORM)

    commands = upload.receive(PIECE_OF_FORM + form(b"half")) + upload.end()

    assert record(commands).judgement.reason is Reason.PIECEWISE_UPLOAD
    assert not any(isinstance(command, LookUp) for command in commands)
    assert upload.recorded() != []


@pytest.mark.parametrize("plan", [PIECE, FORM], ids=["head", "form"])
@pytest.mark.parametrize("mode", list(Mode))
def test_piece_is_inspected_where_it_is_taken(plan: BodyPlan, mode: Mode) -> None:
    """It is inspected by itself, and never counts as checked; a match is rejected."""
    policy = Policy(piecewise_upload=Action.ACCEPT)
    for matches, verdict, action in (
        ([], Verdict.INCONCLUSIVE, Action.ACCEPT),
        ([LISTED], Verdict.MATCH, Action.REJECT),
    ):
        upload = Inspection(plan, mode=mode, policy=policy, limits=UploadLimits())
        assert upload.begin() == []
        body = PIECE_OF_FORM + form(b"half") if plan is FORM else b"half"
        (look_up,) = [
            command
            for command in upload.receive(body) + upload.end()
            if isinstance(command, LookUp)
        ]
        upload.looked_up(matches)
        upload.scanned([Scan(path="", kind="data", size=4)] * len(look_up.contents))
        judgement = record(upload.matched(matches)).judgement

        assert (judgement.verdict, judgement.action) == (verdict, action)


def test_piece_is_recorded_in_monitor() -> None:
    """It is forwarded, and the record states the decision it would have had."""
    upload = inspect(PIECE, Mode.MONITOR)

    assert upload.begin() == []
    upload.receive(b"abcdef")
    upload.end()
    upload.looked_up([])
    scanned(upload)
    judgement = record(upload.matched([])).judgement

    assert judgement.reason is Reason.PIECEWISE_UPLOAD
    assert (judgement.action, judgement.effect) == (Action.REJECT, Action.ACCEPT)


def test_exempt_piece_goes_on() -> None:
    """An exempt upload is not inspected, whether it is whole or a piece."""
    upload = inspect(PIECE, exempt=True)

    assert record(upload.begin()).judgement.reason is Reason.EXEMPT


SLICE = (
    b'--b0undary\r\nContent-Disposition: form-data; name="dzchunkindex"\r\n\r\n0\r\n'
    b'--b0undary\r\nContent-Disposition: form-data; name="dztotalchunkcount"\r\n\r\n'
    b'2\r\n--b0undary\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a"\r\n\r\nhalf\r\n--b0undary--\r\n'
)


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_slice_in_a_coding_is_a_piece_like_any_other(coding: str | None) -> None:
    """No uploader packs slices, and one that waits is sent on by its first head."""
    upload = Inspection(
        replace(FORM, coding=coding),
        mode=Mode.ENFORCE,
        policy=Policy(),
        limits=UploadLimits(),
        keeps_slices=True,
    )
    upload.receive(SLICE if coding is None else gzip.compress(SLICE))
    *_, last = upload.end()

    if coding is None:
        assert isinstance(last, KeepSlice)
    else:
        assert record([last]).judgement.reason is Reason.PIECEWISE_UPLOAD


def framed_upload(
    *sizes: int, undone: bool = False
) -> tuple[Inspection, list[Command]]:
    """Take an upload in the framing of S3, a JPEG in chunks."""
    framing = Framing(decoded_length=sum(sizes), is_signed=True)
    plan = BodyPlan(kind=BodyKind.RAW, declared_type="image/jpeg", framing=framing)
    upload = Inspection(
        plan,
        mode=Mode.ENFORCE,
        policy=Policy(),
        limits=UploadLimits(max_body_bytes=1000),
        undoes_framing=undone,
    )
    mark = b";chunk-signature=" + b"a" * 64
    for size in (*sizes, 0):
        data = b"\xff\xd8\xff".ljust(size)[:size]
        upload.receive(b"%x%s\r\n%s\r\n" % (size, mark, data))
    return upload, upload.end()


def test_framed_body_in_one_chunk_is_one_content() -> None:
    """Around the object there are only lines of a known form."""
    _, (look_up,) = framed_upload(9)

    assert isinstance(look_up, LookUp)
    (content,) = look_up.contents
    assert (content.coding, content.declared_type) == ("aws-chunked", "image/jpeg")


def test_framed_body_in_several_chunks_is_looked_at_as_sent_too() -> None:
    """An origin that does not know the framing stores the bytes as they are."""
    _, (look_up,) = framed_upload(9, 8)

    assert isinstance(look_up, LookUp)
    framed, as_sent = look_up.contents
    assert (as_sent.path, as_sent.coding, as_sent.declared_type) == ("1", None, None)
    assert (as_sent.offset, as_sent.length) == (framed.offset, framed.length)


def test_framed_body_for_an_origin_that_undoes_it_is_one_content() -> None:
    """No one gets the bytes as they were sent: the route says that it speaks S3."""
    _, (look_up,) = framed_upload(9, 8, undone=True)

    assert isinstance(look_up, LookUp)
    (content,) = look_up.contents
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
        upload, _ = framed_upload(9, 8)
        upload.looked_up([])
        nested = Scan(path="!/a", kind="zip", size=3, reason=reason)
        scans = [Scan(path="", kind="data", size=9)] * 2
        scans[index] = replace(scans[index], contents=(nested,))
        upload.scanned(scans)
        found = record(upload.matched([])).judgement.reason

        assert (found is reason) is (counts or index == 0)


def test_match_in_bytes_as_sent_counts() -> None:
    """A picture that only an origin without the framing gets is listed all the same."""
    upload, _ = framed_upload(9, 8)
    upload.looked_up([])
    upload.scanned([Scan(path="", kind="data", size=9)] * 2)
    (judged,) = upload.matched([replace(NEAR, content="1")])

    assert isinstance(judged, Record)
    assert judged.judgement.action is Action.REJECT


@pytest.mark.parametrize("mode", Mode)
def test_improper_framing_is_refused(mode: Mode) -> None:
    """In MONITOR it goes on, on record."""
    framing = Framing(decoded_length=4, is_signed=False, checksum="crc32")
    upload = inspect(BodyPlan(kind=BodyKind.RAW, framing=framing), mode)
    commands = upload.receive(b"4\r\ndata0\r\n") + upload.receive(b"more")
    if mode is Mode.MONITOR:
        commands += upload.end()
        commands = upload.looked_up([])
    judgement = record(commands).judgement

    assert judgement.reason is Reason.UNSUPPORTED_CODING
    (last,) = upload.recorded()
    if mode is Mode.ENFORCE:
        assert isinstance(last, Answer)
        assert last.status == 400
    else:
        assert last == Forward(where=Where.BODY, parts=None, unread=False)


def test_pieces_that_are_shown_are_looked_up_and_scanned() -> None:
    """Data is only looked up; the shape of a cut file is no reason, a budget is one."""
    limits = UploadLimits(max_body_bytes=1000)
    upload = Inspection(
        RAW, mode=Mode.ENFORCE, policy=Policy(), limits=limits, shown=(4, 6)
    )
    upload.begin()
    upload.receive(b"text\1\2")
    upload.receive(b"\1\2\3\4")
    (look_up,) = upload.end()
    assert isinstance(look_up, LookUp)
    places = [(each.offset, each.length) for each in look_up.contents]
    assert places == [(0, 10), (0, 4), (4, 6)]
    (scan,) = upload.looked_up([])
    assert isinstance(scan, StartScan)
    assert scan.contents == look_up.contents[:2]
    (search,) = upload.scanned(
        [
            Scan(path="", kind="text", size=10),
            Scan(path="", kind="text", size=4, reason=Reason.TRUNCATED),
        ]
    )
    assert isinstance(search, MatchSignals)
    assert [each.path for each in search.scans] == ["0", "1", "2"]
    assert [each.reason for each in search.scans] == [None, None, None]
    assert [each.exact for each in search.scans] == [
        each.exact for each in look_up.contents
    ]
    judgement = record(upload.matched([replace(LISTED, content="2")])).judgement
    assert judgement.verdict is Verdict.MATCH
