"""What a log sends to a witness, and what it believes of the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.tree.keys import KEY, WITNESS
from tests.decisions.tree.vectors import MOST, read
from tests.decisions.tree.witness import LOG, head_of, refusal, submitted
from uploadfilter.decisions.tree.notes import COSIGNATURE, Note, Signer
from uploadfilter.decisions.tree.submitting import (
    SIZE_TYPE,
    Answered,
    Cosigning,
    KnownWitness,
    answered,
    submission,
)

TEXT = "text/plain"
SENT = submitted(5, 9)


def told(status: int, body: bytes, kind: str = TEXT) -> Answered:
    """Return the meaning of an answer."""
    return answered(SENT, KEY, status=status, kind=kind, body=body)


def line(signer: Signer, text: str = SENT.note.text, *, time_s: int = 1000) -> bytes:
    """Return a cosignature."""
    return signer.sign(text, time_s=time_s).line.encode()


@given(sizes=st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(sorted))
def test_each_submission_is_one_that_a_witness_signs(sizes: list[int]) -> None:
    """From every size to every larger one: the two sides agree."""
    old, size = sizes
    sent = submission(submitted(old, size).note, old, read)
    assert sent == submitted(old, size)
    assert refusal(sent, LOG.verifier, head_of(old)) is None


def test_cosignature_goes_below_the_checkpoint() -> None:
    """What else the answer holds is left out."""
    other = Signer("other.example/1", bytes(32), kind=COSIGNATURE)
    found = told(200, line(other) + line(WITNESS) + line(WITNESS))

    assert (found.result, found.size) == (Cosigning.COSIGNED, 9)
    assert found.note is not None
    assert found.note.text == SENT.note.text
    assert len(found.note.signatures) == 2
    assert KEY.signed_time(found.note) == 1000
    assert LOG.verifier.signed_time(found.note) is not None
    assert Note.parse(found.note.data) == found.note


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok\n",
        b"\xff\n",
        line(Signer("other.example/1", bytes(32), kind=COSIGNATURE)),
        line(Signer(KEY.name, bytes(32), kind=COSIGNATURE)),
        line(WITNESS, head_of(5).text),
        line(WITNESS, time_s=0),
        line(WITNESS)[:-5] + b"AAA=\n",
        SENT.note.data,
    ],
)
def test_what_does_not_verify_is_no_cosignature(body: bytes) -> None:
    """Of another key, of another tree, without a time, cut, or no signature at all."""
    found = told(200, body)
    assert (found.result, found.note) == (Cosigning.INVALID, None)


@pytest.mark.parametrize(
    ("status", "kind", "body", "result", "size"),
    [
        (409, SIZE_TYPE, b"7\n", None, 7),
        (409, SIZE_TYPE, b"0\n", None, 0),
        (409, SIZE_TYPE, b"10\n", Cosigning.AHEAD, 10),
        (409, SIZE_TYPE, b"5\n", Cosigning.INVALID, 0),
        (409, SIZE_TYPE, b"-1\n", Cosigning.INVALID, 0),
        (409, SIZE_TYPE, b"\xff", Cosigning.INVALID, 0),
        (409, SIZE_TYPE, b"9" * 400, Cosigning.INVALID, 0),
        (409, TEXT, b"forked\n", Cosigning.CONTRADICTED, 0),
        (422, TEXT, b"", Cosigning.CONTRADICTED, 0),
        (403, TEXT, b"", Cosigning.REFUSED, 0),
        (404, TEXT, b"", Cosigning.REFUSED, 0),
        (301, TEXT, b"", Cosigning.REFUSED, 0),
        (204, TEXT, line(WITNESS), Cosigning.REFUSED, 0),
        (500, TEXT, b"", Cosigning.REFUSED, 0),
    ],
)
def test_other_answers(
    status: int, kind: str, body: bytes, result: Cosigning | None, size: int
) -> None:
    """A size below ours is asked for again; everything else ends the submission."""
    found = told(status, body, kind)
    assert (found.result, found.size, found.note) == (result, size, None)
    assert bool(found.why) is (result is not None)


@given(status=st.integers(100, 599), body=st.binary(max_size=300))
def test_no_answer_is_believed_without_a_signature(status: int, body: bytes) -> None:
    """Whatever comes, it has a meaning, and none of it is a cosignature."""
    for kind in (TEXT, SIZE_TYPE):
        assert told(status, body, kind).result is not Cosigning.COSIGNED


def test_witness_is_a_url_and_a_key() -> None:
    """HTTPS, or this machine."""
    found = KnownWitness.parse(f" https://w.example/path/ {KEY.text}\n")
    assert found == KnownWitness("https://w.example/path", KEY)
    assert KnownWitness.parse(f"http://127.0.0.1:8092 {KEY.text}").key == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://w.example",
        f"http://w.example {KEY.text}",
        f"w.example {KEY.text}",
        f"https://w.example/?a=b {KEY.text}",
        f"https://[ {KEY.text}",
        f"https://w.example {KEY.text}x",
        f"https://w.example {LOG.verifier.text}",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    """The key of a log signs without a time, so it cannot be a witness's."""
    with pytest.raises(ValueError, match=r"is not|is the key of a log"):
        KnownWitness.parse(text)
