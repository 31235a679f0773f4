"""The output of scan for a file, for programs and for people."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec import to_builtins

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

NOTHING: dict[str, Any] = {
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
"""A file that could not be read, as JSON."""


def quality_of(plane: bytes) -> int:
    """Return a quality that shows that the plane of the view was asked about."""
    return QUALITY if plane == VIEW.plane else 0


def printed(checked: CheckedFile) -> dict[str, Any]:
    """Return the output for programs."""
    found: dict[str, Any] = to_builtins(document(checked, quality_of=quality_of))
    return found


def read(checked: CheckedFile) -> str:
    """Return the output for people."""
    return "\n".join(str(line) for line in lines(checked, quality_of=quality_of))


def test_json_of_a_match() -> None:
    """The shape is that of the contract: keys, order, hex in lower case, capitals."""
    checked = CheckedFile(path="a.jpg", scan=SCAN, matches=(SAME, NEAR))
    match = {
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
    }
    near = {"signal_type": "pdq", "distance": 4, "view": "stored"}
    near |= {"variant": "mirror", "geometry": "squash512"}

    assert list(printed(checked)) == list(NOTHING)
    assert printed(checked) == {
        **NOTHING,
        "path": "a.jpg",
        "verdict": "MATCH",
        "reason": None,
        "exact": {"md5": "00" * 16, "sha1": "00" * 20, "sha256": "ab" * 32},
        "views": [SHOWN],
        "matches": [match, {**match, **near}],
    }


@pytest.mark.parametrize(
    ("match", "keys", "words"),
    [
        pytest.param(
            replace(NEAR, complement=True),
            {"complement": True},
            "mirror, negative",
            id="negative",
        ),
        pytest.param(
            replace(
                NEAR,
                kind=MatchKind.ALTERED,
                chance=3.2e-14,
                outline=Outline(left=0.05, top=0.05),
            ),
            {"kind": "altered", "chance": 3.2e-14, "outline": "crop 0.05 0.05 0 0"},
            "altered, outline crop 0.05 0.05 0 0, by chance 3e-14",
            id="altered",
        ),
        pytest.param(
            replace(NEAR, view="track:1/ms:12480/trim:1", variant=None),
            {"frame_s": 12.48},
            "view track:1/ms:12480/trim:1",
            id="video",
        ),
    ],
)
def test_special_match_is_told(match: Match, keys: dict[str, Any], words: str) -> None:
    """For programs and for people: an expert looks there first."""
    checked = CheckedFile(path="a.jpg", scan=SCAN, matches=(match,))
    (found,) = printed(checked)["matches"]

    assert {key: found[key] for key in keys} == keys
    assert words in read(checked)


@pytest.mark.parametrize(
    ("checked", "reason"),
    [
        (CheckedFile(path="gone", problem=Reason.UNREADABLE), "unreadable"),
        (
            CheckedFile(path="a", scan=SCAN, problem=Reason.NO_REFERENCE_SET),
            "no_reference_set",
        ),
        # A reason that a reference set would not cure is the one that is told.
        (
            CheckedFile(
                path="a",
                scan=replace(SCAN, reason=Reason.TRUNCATED),
                problem=Reason.NO_REFERENCE_SET,
            ),
            "truncated",
        ),
    ],
)
def test_json_of_what_was_not_checked(checked: CheckedFile, reason: str) -> None:
    """It is no NO_MATCH, and the reason says why."""
    found = printed(checked)

    assert (found["verdict"], found["reason"]) == ("INCONCLUSIVE", reason)
    assert checked.scan is not None or found == NOTHING


def test_nested_contents_have_the_same_shape() -> None:
    """A match stands with the content that matched, and the whole file says MATCH."""
    inner = replace(SCAN, path="a.zip!/b.jpg")
    outer = Scan(path="a.zip", kind="zip", size=9, exact=EXACT, contents=(inner,))
    match = replace(NEAR, content="a.zip!/b.jpg")
    shape = printed(CheckedFile(path="a.zip", scan=outer, matches=(match,)))
    (content,) = shape["contents"]

    assert (shape["verdict"], shape["matches"]) == ("MATCH", [])
    assert (content["path"], content["verdict"]) == ("a.zip!/b.jpg", "MATCH")
    assert len(content["matches"]) == 1


def test_view_without_signals_shows_null() -> None:
    """A type that was not computed is null, and its quality too."""
    scan = replace(SCAN, views=(replace(VIEW, rows=()),))

    assert printed(CheckedFile(path="a.jpg", scan=scan))["views"] == [
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
