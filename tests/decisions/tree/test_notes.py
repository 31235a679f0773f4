"""Signed notes and checkpoints, with the examples of the specifications."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.decisions.tree.notes import (
    COSIGNATURE,
    ED25519,
    MOST_NOTE_BYTES,
    MOST_SIGNATURES,
    Note,
    Signer,
    TreeHead,
    Verifier,
    is_key_name,
    parse_size,
    read_hash,
)

SEED = bytes(range(32))
LOG = Signer("example.com/log", SEED)
WITNESS = Signer("witness.example/w", SEED[::-1], kind=COSIGNATURE)
HEAD = TreeHead("example.com/log", 5, bytes(32))

EXAMPLE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4UR\
YN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB\
9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""
"""The checkpoint in C2SP tlog-cosignature."""


def signed() -> Note:
    """Return a checkpoint with the signatures of a log and of a witness."""
    log = LOG.sign(HEAD.text)
    return Note(HEAD.text, (log, WITNESS.sign(HEAD.text, time_s=1_679_315_147)))


def test_example_is_read_and_written_again() -> None:
    """The example of the specification."""
    note = Note.parse(EXAMPLE.encode())
    head = TreeHead.parse(note.text)

    assert note.data.decode() == EXAMPLE
    assert head.origin == "example.com/behind-the-sofa"
    assert head.size == 20_852_163
    assert head.text == note.text
    assert [item.key_id.hex() for item in note.signatures] == ["033de0ae", "8d66cf3f"]
    # The time in the example of the signed message.
    assert int.from_bytes(note.signatures[1].data[:8], "big") == 1_679_315_147


def test_key_that_others_published() -> None:
    """A key that others published reads, and has the id that they give it."""
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    key = Verifier.parse(text)

    assert (key.name, key.kind) == ("sum.golang.org", ED25519)
    assert key.text == text


def test_signatures_are_verified() -> None:
    """Each key finds its own signature; a witness's has its time."""
    note = Note.parse(signed().data)

    assert LOG.verifier.signed_time(note) == 0
    assert WITNESS.verifier.signed_time(note) == 1_679_315_147


@pytest.mark.parametrize("signer", [LOG, WITNESS])
def test_other_text_is_not_signed(signer: Signer) -> None:
    """A text that was changed, or a key that did not sign."""
    note = signed()
    changed = Note(note.text.replace("5", "6"), note.signatures)
    stranger = Signer(signer.verifier.name, bytes(32), kind=signer.verifier.kind)

    assert signer.verifier.signed_time(changed) is None
    assert stranger.verifier.signed_time(note) is None


def test_time_of_a_cosignature_is_signed() -> None:
    """Another time makes it invalid."""
    item = WITNESS.sign(HEAD.text, time_s=7)
    late = item._replace(data=bytes(8) + item.data[8:])
    assert WITNESS.verifier.signed_time(Note(HEAD.text, (late,))) is None


def test_keys_as_text() -> None:
    """A key is read as it was written."""
    for signer in (LOG, WITNESS):
        assert Verifier.parse(signer.verifier.text + "\n") == signer.verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        "name+00000000+" + LOG.verifier.text.rpartition("+")[2],
        "name+00000000+!",
        "na me+00000000+AAAA",
    ],
)
def test_what_is_no_key(text: str) -> None:
    """Another form, or an id that does not belong to the key."""
    with pytest.raises(ValueError, match=r"key|base64"):
        Verifier.parse(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash AAAAAAAA\n",
        EXAMPLE.removesuffix("\n").encode(),
        EXAMPLE.replace("example", "exam\tple").encode(),
        EXAMPLE.encode() * (MOST_NOTE_BYTES // len(EXAMPLE) + 1),
        (EXAMPLE + EXAMPLE.splitlines(keepends=True)[-1] * MOST_SIGNATURES).encode(),
        b"\xff\n\n\xff\n",
    ],
)
def test_what_is_no_note(data: bytes) -> None:
    """Anything else than a text and its signatures."""
    with pytest.raises(ValueError):  # noqa: PT011 -- of several kinds
        Note.parse(data)


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n",
        "a\n01\nAAAA\n",
        "a\n-1\nAAAA\n",
        "a\n1\nAAAA\n",
        "a\n\n1\n",
        "a\n1\n!\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """An origin, a size without leading zeros, and a root of 32 bytes."""
    with pytest.raises(ValueError):  # noqa: PT011 -- of several kinds
        TreeHead.parse(text)


def test_names_and_numbers() -> None:
    """Names have no spaces or plus signs, numbers no leading zeros."""
    assert is_key_name("example.com/log")
    assert not any(map(is_key_name, ("", "a b", "a+b", "a\u2003b", "a\n")))
    assert parse_size("0") == 0
    assert not any(parse_size(text) for text in ("", "01", "+1", "1" * 20, "\u0661"))
    with pytest.raises(ValueError, match="32 bytes"):
        read_hash("AAAA")
    with pytest.raises(ValueError, match="name"):
        Signer("a b", SEED)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing else than a ``ValueError``; a note is written as it was read."""
    for candidate in (data, EXAMPLE.encode() + data):
        try:
            note = Note.parse(candidate)
        except ValueError:
            continue
        assert Note.parse(note.data) == note


def test_example_in_base64_has_a_whole_signature() -> None:
    """An Ed25519 signature has 64 bytes after the id."""
    line = EXAMPLE.splitlines()[4].split(" ")[2]
    assert len(b64decode(line)) == 4 + 64
