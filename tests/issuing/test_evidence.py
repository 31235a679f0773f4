"""Keys that open sealed evidence, and the chained record of openings."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from tests.issuing.offices import Office
from tests.sealing.rings import ID, TEXT
from uploadfilter.errors import EvidenceError, IssuerError
from uploadfilter.issuing import evidence
from uploadfilter.sealing.envelope import opened, parse_recipient, seal

WORDS = "four random words here"
CHEAP = 1 << 10


def test_key_opens_what_is_sealed_to_its_public_part() -> None:
    """The public file is the line for operators."""
    private, public = evidence.made_evidence_key("unit7", WORDS, cost=CHEAP)
    recipient = parse_recipient(public.decode().strip())
    sealed = seal(TEXT, [recipient], needed=1, decision=ID)
    found, key = evidence.opened_evidence_key(private, WORDS)
    assert found == recipient
    assert opened(sealed, {found.key: key}) == (ID, TEXT)
    assert WORDS.encode() not in private


def test_unusable_keys_are_refused() -> None:
    """Each unusable name, passphrase and file has its own message."""
    with pytest.raises(IssuerError, match="fewer than 12"):
        evidence.made_evidence_key("unit7", "short")
    with pytest.raises(IssuerError, match="cannot be the name"):
        evidence.made_evidence_key("Unit 7", WORDS, cost=CHEAP)
    private, public = evidence.made_evidence_key("unit7", WORDS, cost=CHEAP)
    with pytest.raises(IssuerError, match="'unit7' is wrong, or its file is damaged"):
        evidence.opened_evidence_key(private, WORDS + "!")
    shape = msgspec.json.decode(private)
    dear = {**shape, "kind": shape["kind"].rpartition(" ")[0] + f" {1 << 20}"}
    for other in (public, b"", b"{}", b"\xff", msgspec.json.encode(dear)):
        with pytest.raises(IssuerError, match="no private key for sealed evidence"):
            evidence.opened_evidence_key(other, WORDS)


def test_openings_are_chained(tmp_path: Path) -> None:
    """Each line names the hash of the line before; a half line is not continued."""
    folder = Office(tmp_path).folder
    lines = [
        evidence.opening_of(
            b"sealed", decision=ID, keys=("unit7",), reason=f"case {number}", now=0
        )
        for number in range(2)
    ]
    for line in lines:
        evidence.record_opening(folder, line)
    file = folder.path / evidence.RECORD
    first, second = file.read_bytes().splitlines()
    assert json.loads(first)["previous"] == ""
    assert json.loads(second)["previous"] == hashlib.sha256(first).hexdigest()
    assert json.loads(second)["reason"] == "case 1"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(first)
    with pytest.raises(EvidenceError, match="does not end with a whole line"):
        evidence.record_opening(folder, lines[0])
