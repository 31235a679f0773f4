"""The output of scan for a file, for programs and for people."""

import json
from dataclasses import replace

import msgspec

from uploadfilter.cli.shapes import CheckedFile, document, lines
from uploadfilter.model import (
    EntryState,
    Geometry,
    Match,
    MatchKind,
    Reason,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    Variant,
    View,
)
from uploadfilter.outlines import Outline

QUALITY = 87
PDQ = Signal(type=SignalType.PDQ, value=bytes(range(0xE0, 0x100)))
PHASH = Signal(type=SignalType.PHASH, value=bytes.fromhex("c3a40000000000ff"))
EXACT = (
    Signal(type=SignalType.MD5, value=bytes(16)),
    Signal(type=SignalType.SHA1, value=bytes(20)),
    Signal(type=SignalType.SHA256, value=b"\xab" * 32),
)
VIEW = View(
    name="stored",
    rows=(
        SignalRow(type=PDQ.type, values=PDQ.value, geometry=Geometry.FULL),
        SignalRow(type=PHASH.type, values=PHASH.value),
    ),
    plane=b"plane",
)
SCAN = Scan(path="a.jpg", kind="jpeg", size=9, exact=EXACT, views=(VIEW,))
NEAR = Match(
    content="a.jpg",
    set="unit7",
    entry="e1",
    category="1",
    state=EntryState.ACTIVE,
    signal_type=SignalType.PDQ,
    distance=4,
    view="stored",
    variant=Variant.MIRROR,
    geometry=Geometry.SQUASH512,
    quality=80,
)
SAME = replace(
    NEAR,
    signal_type=SignalType.MD5,
    distance=0,
    view=None,
    variant=None,
    geometry=None,
    quality=None,
)


SHOWN = {
    "name": "stored",
    "pdq": PDQ.value.hex(),
    "pdq_quality": QUALITY,
    "phash": "c3a40000000000ff",
}
"""The only view, as JSON."""


def quality_of(plane: bytes) -> int:
    """Return a quality that shows that the plane of the view was asked about."""
    return QUALITY if plane == VIEW.plane else 0


def printed(checked: CheckedFile) -> object:
    """Return the output for programs."""
    return json.loads(msgspec.json.encode(document(checked, quality_of=quality_of)))


def read(checked: CheckedFile) -> str:
    """Return the output for people."""
    return "\n".join(str(line) for line in lines(checked, quality_of=quality_of))


def test_json_of_a_match() -> None:
    """The shape is that of the contract: keys, order, hex in lower case, capitals."""
    checked = CheckedFile(path="a.jpg", scan=SCAN, matches=(SAME, NEAR))

    keys = "path verdict reason exact views contents dropped matches seen_percent"
    assert list(document(checked, quality_of=quality_of)) == keys.split()
    assert printed(checked) == {
        "path": "a.jpg",
        "verdict": "MATCH",
        "reason": None,
        "exact": {"md5": "00" * 16, "sha1": "00" * 20, "sha256": "ab" * 32},
        "views": [SHOWN],
        "contents": [],
        "dropped": 0,
        "matches": [
            {
                "set": "unit7",
                "entry": "e1",
                "category": "1",
                "signal_type": "md5",
                "distance": 0,
                "view": None,
                "variant": None,
                "geometry": None,
                "complement": False,
                "kind": "within",
                "chance": None,
                "outline": None,
                "frame_s": None,
            },
            {
                "set": "unit7",
                "entry": "e1",
                "category": "1",
                "signal_type": "pdq",
                "distance": 4,
                "view": "stored",
                "variant": "mirror",
                "geometry": "squash512",
                "complement": False,
                "kind": "within",
                "chance": None,
                "outline": None,
                "frame_s": None,
            },
        ],
        "seen_percent": None,
    }


def test_negative_is_named() -> None:
    """That an entry matches the negative of a view stands in the JSON and the line."""
    checked = CheckedFile(
        path="a.jpg", scan=SCAN, matches=(replace(NEAR, complement=True),)
    )
    (match,) = json.loads(
        msgspec.json.encode(document(checked, quality_of=quality_of))
    )["matches"]

    assert match["complement"] is True
    assert "mirror, negative" in list(lines(checked, quality_of=quality_of))[1].plain


def test_altered_copy_is_told_with_its_chance_and_its_outline() -> None:
    """An expert sees how often chance would do the same, and which part is shown."""
    outline = Outline(left=0.05, top=0.05)
    altered = replace(NEAR, kind=MatchKind.ALTERED, chance=3.2e-14, outline=outline)
    checked = CheckedFile(path="a.jpg", scan=SCAN, matches=(altered,))
    (match,) = json.loads(
        msgspec.json.encode(document(checked, quality_of=quality_of))
    )["matches"]

    assert (match["kind"], match["chance"]) == ("altered", 3.2e-14)
    assert match["outline"] == "crop 0.05 0.05 0 0"
    (_, line) = lines(checked, quality_of=quality_of)
    assert "altered, outline crop 0.05 0.05 0 0, by chance 3e-14" in line.plain


def test_frame_of_a_video_is_told_with_its_time() -> None:
    """A reviewer looks there first."""
    view = "track:1/ms:12480/trim:1"
    checked = CheckedFile(
        path="a.jpg", scan=SCAN, matches=(replace(NEAR, view=view, variant=None),)
    )
    (match,) = json.loads(
        msgspec.json.encode(document(checked, quality_of=quality_of))
    )["matches"]

    assert match["frame_s"] == 12.48


def test_json_of_what_could_not_be_read() -> None:
    """Without content there are no signals, and the reason says why."""
    checked = CheckedFile(path="gone", problem=Reason.UNREADABLE, detail="No such file")

    assert printed(checked) == {
        "path": "gone",
        "verdict": "INCONCLUSIVE",
        "reason": "unreadable",
        "exact": None,
        "views": [],
        "contents": [],
        "dropped": 0,
        "matches": [],
        "seen_percent": None,
    }


def test_nothing_is_checked_without_a_reference_set() -> None:
    """A complete scan that was compared with nothing is no NO_MATCH."""
    checked = CheckedFile(path="a.jpg", scan=SCAN, problem=Reason.NO_REFERENCE_SET)

    shape = document(checked, quality_of=quality_of)

    assert (shape["verdict"], shape["reason"]) == ("INCONCLUSIVE", "no_reference_set")


def test_what_the_scan_lacks_outranks_the_missing_reference_set() -> None:
    """A reason that a reference set would not cure is the one that is told."""
    scan = replace(SCAN, reason=Reason.TRUNCATED)
    checked = CheckedFile(path="a.jpg", scan=scan, problem=Reason.NO_REFERENCE_SET)

    assert document(checked, quality_of=quality_of)["reason"] == "truncated"


def test_nested_contents_have_the_same_shape() -> None:
    """A match stands with the content that matched, and the whole file says MATCH."""
    inner = replace(SCAN, path="a.zip!/b.jpg")
    outer = Scan(path="a.zip", kind="zip", size=9, exact=EXACT, contents=(inner,))
    match = replace(NEAR, content="a.zip!/b.jpg")
    shape = document(
        CheckedFile(path="a.zip", scan=outer, matches=(match,)), quality_of=quality_of
    )

    assert shape["verdict"] == "MATCH"
    assert shape["matches"] == []
    assert isinstance(shape["contents"], list)
    assert shape["contents"][0]["path"] == "a.zip!/b.jpg"
    assert shape["contents"][0]["verdict"] == "MATCH"
    assert len(shape["contents"][0]["matches"]) == 1


def test_view_without_signals_shows_null() -> None:
    """A type that was not computed is null, and its quality too."""
    scan = replace(SCAN, views=(replace(VIEW, rows=()),))
    shape = document(CheckedFile(path="a.jpg", scan=scan), quality_of=quality_of)

    assert shape["views"] == [
        {"name": "stored", "pdq": None, "pdq_quality": None, "phash": None}
    ]


def test_line_of_a_match() -> None:
    """People read the verdict, the file, and each entry with how near it is."""
    text = read(CheckedFile(path="a.jpg", scan=SCAN, matches=(NEAR,)))

    assert text.splitlines() == [
        "MATCH         a.jpg",
        "                unit7/e1 (1, active): pdq, distance 4, view stored, mirror",
    ]


def test_line_of_a_problem() -> None:
    """People read the reason and the system's message."""
    text = read(CheckedFile(path="x", problem=Reason.UNREADABLE, detail="Is gone"))

    assert text == "INCONCLUSIVE  x  unreadable: Is gone"


def test_lines_show_signals_when_there_is_nothing_to_match() -> None:
    """Without a reference set the computed signals are the result."""
    text = read(CheckedFile(path="a", scan=SCAN, problem=Reason.NO_REFERENCE_SET))

    assert "md5     00000000000000000000000000000000" in text
    assert f"pdq     {PDQ.value.hex()}  stored, quality {QUALITY}" in text
    assert "phash   c3a40000000000ff" in text


def test_line_cannot_steer_the_terminal() -> None:
    """A file name with an escape sequence is shown, not obeyed."""
    assert "\x1b" not in read(CheckedFile(path="\x1b[2J", problem=Reason.UNREADABLE))
