"""Keys in files: sealed, bound to a name, and refused with a reason."""

import base64
import stat
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.keys import (
    check_new,
    keep,
    made_key,
    opened_key,
    public_file_of,
    public_key,
)
from uploadfilter.signedsets.metadata import name_of

PASSPHRASE = "correct horse battery"  # noqa: S105 - of a test
CHEAP = 1 << 4
PRIVATE, PUBLIC = made_key("ann", PASSPHRASE, cost=CHEAP)


def changed(**fields: object) -> bytes:
    """Return the private file with other fields."""
    return msgspec.json.encode(msgspec.json.decode(PRIVATE) | fields)


def test_key_signs_what_its_public_half_verifies() -> None:
    """A key that was made, kept and opened signs as the same holder."""
    signer = opened_key(PRIVATE, PASSPHRASE)

    signer.public_key.verify_signature(signer.sign(b"data"), b"data")
    assert name_of(signer.public_key) == "ann"
    assert public_key(PUBLIC) == public_key(PRIVATE) == signer.public_key


def test_private_key_is_not_in_the_clear() -> None:
    """Neither file holds the seed, and two keys of one passphrase differ."""
    seed = opened_key(PRIVATE, PASSPHRASE).private_bytes
    other, _ = made_key("ann", PASSPHRASE, cost=CHEAP)

    assert seed not in PRIVATE
    assert PASSPHRASE.encode() not in PRIVATE
    assert public_key(other) != public_key(PRIVATE)


@pytest.mark.parametrize(
    ("data", "passphrase"),
    [
        (PRIVATE, "wrong horse battery"),
        (PRIVATE, ""),
        (
            changed(
                public={"name": "bob", "public": public_key(PUBLIC).keyval["public"]}
            ),
            PASSPHRASE,
        ),
        (changed(public={"name": "ann", "public": "00" * 32}), PASSPHRASE),
        (changed(cost=CHEAP * 2), PASSPHRASE),
        (changed(sealed=""), PASSPHRASE),
    ],
    ids=["wrong", "empty", "other_name", "other_key", "other_cost", "nothing"],
)
def test_key_opens_with_its_passphrase_and_name_only(
    data: bytes, passphrase: str
) -> None:
    """A wrong passphrase, and a file in which something was exchanged, open nothing."""
    with pytest.raises(IssuerError, match="wrong, or its file is damaged"):
        opened_key(data, passphrase)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[" * 5000,
        b"{}",
        PUBLIC,
        changed(cost=1 << 40),
        changed(cost=3),
        changed(format=2),
        changed(public={}),
        changed(public={"name": "a b", "public": "00" * 32}),
        changed(public={"name": "ann", "public": "zz" * 32}),
    ],
    ids=range(11),
)
def test_other_files_are_no_private_keys(data: bytes) -> None:
    """Data that is not a key is refused before it can demand much memory."""
    with pytest.raises(IssuerError):
        opened_key(data, PASSPHRASE)


@pytest.mark.parametrize("passphrase", ["", "short", "elevenchars"])
def test_short_passphrase_is_refused(passphrase: str) -> None:
    """A thief of a key file has years to guess its passphrase."""
    with pytest.raises(IssuerError, match="fewer than 12"):
        made_key("ann", passphrase, cost=CHEAP)


def test_name_that_cannot_stand_everywhere_is_refused() -> None:
    """A holder is an account or initials, and not an address."""
    with pytest.raises(IssuerError, match="cannot have the name"):
        made_key("ann@example.org", PASSPHRASE, cost=CHEAP)


def pem(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, **changes: str) -> bytes:
    """Return the file of a public key that is not Ed25519."""
    kind = PublicFormat.SubjectPublicKeyInfo
    text = key.public_bytes(Encoding.PEM, kind).decode()
    shape = {"name": "ann", "public": text, "scheme": "ecdsa-sha2-nistp256"}
    return msgspec.json.encode(shape | changes)


P256 = ec.derive_private_key(7, ec.SECP256R1()).public_key()


def test_key_of_a_token_has_one_id_however_it_is_written() -> None:
    """The same key, written twice, would count as two holders."""
    found = public_key(pem(P256))
    text = str(found.keyval["public"])
    point = P256.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    # A key of P-256 before its point, as RFC 5480 has it, with a compressed point.
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    short = base64.b64encode(head + point).decode()
    armoured = f"-----BEGIN PUBLIC KEY-----\n{short}\n-----END PUBLIC KEY-----\n"

    for other in (text.replace("\n", "\r\n"), text.strip(), armoured):
        assert public_key(pem(P256, public=other)) == found


@pytest.mark.parametrize(
    "data",
    [
        pem(ec.derive_private_key(7, ec.SECP384R1()).public_key()),
        pem(ec.derive_private_key(7, ec.SECP521R1()).public_key()),
        pem(rsa.generate_private_key(65537, 2048).public_key()),
        pem(P256, scheme="ecdsa-sha2-nistp384"),
        pem(P256, scheme="ed25519"),
        pem(P256, scheme="rsassa-pss-sha256"),
        pem(P256, public="-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        pem(P256, public=" " * 5000),
        pem(P256, public=""),
        pem(P256, name="a b"),
    ],
    ids=range(10),
)
def test_other_keys_are_not_those_of_holders(data: bytes) -> None:
    """Only the kinds of FORMAT.md are accepted, each under its own name."""
    with pytest.raises(IssuerError, match="no public key"):
        public_key(data)


@pytest.mark.parametrize(
    ("name", "public"),
    [("ann.key", "ann.pub"), ("ann", "ann.pub"), ("a.key.key", "a.key.pub")],
)
def test_public_half_stands_beside_it(tmp_path: Path, name: str, public: str) -> None:
    """Only its holder can read the private half."""
    keep(tmp_path / name, b"private", b"public")

    assert public_file_of(tmp_path / name).name == public
    assert (tmp_path / public).read_bytes() == b"public"
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["ann.key", "ann.pub"])
def test_key_that_is_there_stays(tmp_path: Path, there: str) -> None:
    """Neither half is overwritten, and no other half is written beside it."""
    (tmp_path / there).write_bytes(b"old")
    with pytest.raises(IssuerError, match="exists already"):
        check_new(tmp_path / "ann.key")
    with pytest.raises(IssuerError, match="exists already"):
        keep(tmp_path / "ann.key", b"private", b"public")

    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_bytes() == b"old"


def test_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    """The stick may have been removed."""
    with pytest.raises(IssuerError, match="No such file") as caught:
        keep(tmp_path / "gone" / "ann.key", b"private", b"public")
    assert "No key was made." in caught.value.hint
