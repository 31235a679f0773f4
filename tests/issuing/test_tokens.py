"""Keys in tokens, of softhsm2: they sign, are verified, and fail with a reason."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pkcs11
import pytest
from securesystemslib.signer import SSlibKey

from tests.issuing.offices import HOLDERS, Office, line_of
from tests.issuing.softhsm import LIBRARY, PIN, WRONG_PIN, Drawer, drawer
from tests.syncing.sites import Site
from uploadfilter.errors import IssuerError
from uploadfilter.issuing import publishing, signing
from uploadfilter.issuing.keys import public_key
from uploadfilter.issuing.tokens import (
    TokenSigner,
    _Place,
    _told,
    is_token,
    label_of,
    opened_token,
    token_key,
)
from uploadfilter.signedsets.metadata import Holders, name_of
from uploadfilter.signedsets.roles import GATHERED, HASHSET, REVOKE, TIMESTAMP

__all__ = ["drawer"]

PLACE = _Place(label="unit7", number=2)


def key_of(name: str, label: str = "unit7", number: int = 2) -> bytes:
    """Return the file that stands for a key of a token."""
    file, public = token_key(name, LIBRARY, label=label, number=number, pin=PIN)
    assert public_key(public) == public_key(file)
    return file


@pytest.mark.parametrize(
    ("number", "scheme"), [(2, "ecdsa-sha2-nistp256"), (3, "ecdsa-sha2-nistp384")]
)
def test_token_signs_what_its_public_half_verifies(
    drawer: Drawer, number: int, scheme: str
) -> None:
    """It signs on both curves for the named holder; the file holds no secret."""
    drawer.plug_in("unit7")
    file = key_of("dora", number=number)
    signer = opened_token(file, LIBRARY, PIN)

    signer.public_key.verify_signature(signer.sign(b"data"), b"data")
    assert signer.public_key.scheme == scheme
    assert name_of(public_key(file)) == "dora"
    assert is_token(file)
    assert label_of(file) == "unit7"
    assert PIN.encode() not in file
    assert str(LIBRARY).encode() not in file


def test_operator_takes_what_tokens_have_signed(drawer: Drawer, tmp_path: Path) -> None:
    """Analysts, duty officer and machine sign with them, and python-tuf verifies it."""
    signers: dict[str, TokenSigner] = {}
    for number, name in ((2, "dora"), (3, "eve")):
        drawer.plug_in(f"of {name}")
        file = key_of(name, f"of {name}", number)
        signers[name] = opened_token(file, LIBRARY, PIN)
    signers["fay"] = opened_token(key_of("fay", "of dora", 3), LIBRARY, PIN)
    signers["machine"] = opened_token(key_of("machine", "of eve"), LIBRARY, PIN)

    def held(*names: str) -> Holders:
        keys: tuple[SSlibKey, ...] = tuple(signers[n].public_key for n in names)
        return Holders(keys=keys, threshold=len(keys))

    roles = {
        **HOLDERS,
        HASHSET: held("dora", "eve"),
        REVOKE: held("fay"),
        GATHERED: held("machine"),
        TIMESTAMP: held("machine"),
    }
    now_s = time.time()  # noqa: TID251 - python-tuf looks at this clock
    office = Office(tmp_path / "office", epoch_s=now_s, roles=roles)
    office.stage(*(line_of(f"p-{n}", n) for n in range(20)))
    office.propose()
    office.sign("ann", "bob")
    with office.folder.locked():
        for name in ("dora", "eve", "fay"):
            signing.sign(office.folder, office.now, signers[name])
        machine = signers["machine"]
        publishing.publish(office.folder, office.now, machine, epoch_s=now_s)
        site = Site(tmp_path / "state", office)
        site.sync()
        publishing.withdraw(
            office.folder,
            office.now,
            ["p-5"],
            officer=signers["fay"],
            machine=machine,
            epoch_s=now_s,
        )
    site.sync()

    assert site.ids() == {f"p-{n}" for n in range(20)} - {"p-5"}
    assert site.status.signers == ("dora", "eve")


def test_wrong_pin_is_tried_once_and_signs_nothing(
    drawer: Drawer, tmp_path: Path
) -> None:
    """The officer is told to take care; the signature is still missing."""
    drawer.plug_in("unit7")
    file = key_of("dora")
    roles = {**HOLDERS, HASHSET: Holders(keys=(public_key(file),), threshold=1)}
    office = Office(tmp_path / "office", roles=roles)
    office.stage(line_of("p", 1))
    office.propose()
    before = (office.folder.proposal / "hashset.json").read_bytes()

    with pytest.raises(IssuerError, match="PIN of the token 'unit7' is wrong") as told:
        signing.sign(office.folder, office.now, opened_token(file, LIBRARY, WRONG_PIN))
    assert "locks itself" in told.value.hint
    assert (office.folder.proposal / "hashset.json").read_bytes() == before
    with pytest.raises(IssuerError, match="PIN of the token"):
        token_key("dora", LIBRARY, label="unit7", number=2, pin=WRONG_PIN)


def test_token_that_is_not_there_is_named(drawer: Drawer) -> None:
    """This holds before a key is used, and if the token was removed before it signs."""
    drawer.plug_in("unit7")
    signer = opened_token(key_of("dora"), LIBRARY, PIN)
    with pytest.raises(IssuerError, match="there is no token 'other'") as told:
        token_key("dora", LIBRARY, label="other", number=2, pin=PIN)
    assert "Plug it in" in told.value.hint

    drawer.take_out()

    with pytest.raises(IssuerError, match="there is no token 'unit7'"):
        signer.sign(b"data")


def test_other_token_of_the_label_is_found_out(drawer: Drawer) -> None:
    """It would sign with a key that nobody has named."""
    drawer.plug_in("unit7")
    file = key_of("dora")
    drawer.take_out()
    drawer.plug_in("unit7")

    with pytest.raises(IssuerError, match="another key than its file says"):
        opened_token(file, LIBRARY, PIN).sign(b"data")


def test_two_tokens_of_one_label_are_not_guessed_between(drawer: Drawer) -> None:
    """A PIN is never tried on the wrong token."""
    drawer.plug_in("unit7")
    file = key_of("dora")
    drawer.plug_in("unit7", another=True)

    with pytest.raises(IssuerError, match="more than one token 'unit7'"):
        opened_token(file, LIBRARY, PIN).sign(b"data")


@pytest.mark.parametrize(
    ("number", "words"), [(9, "no ECDSA key with the number 9"), (4, "P-256 or P-384")]
)
def test_key_that_cannot_sign_here_is_refused(
    drawer: Drawer, number: int, words: str
) -> None:
    """The token lacks this number, or operators do not verify its curve."""
    drawer.plug_in("unit7")
    with pytest.raises(IssuerError) as told:
        token_key("dora", LIBRARY, label="unit7", number=number, pin=PIN)

    assert words in f"{told.value} {told.value.hint}"


@pytest.mark.parametrize(
    "name",
    [
        "PinIncorrect",
        "PinInvalid",
        "PinLenRange",
        "PinLocked",
        "PinExpired",
        "UserPinNotInitialized",
        "NoSuchToken",
        "TokenNotPresent",
        "TokenNotRecognised",
        "DeviceRemoved",
        "MultipleTokensReturned",
        "NoSuchKey",
        "MultipleObjectsReturned",
        "DeviceError",
        "FunctionFailed",
        "GeneralError",
    ],
)
def test_whatever_a_token_raises_has_words_and_a_hint(name: str) -> None:
    """softhsm2 does not lock itself, and has no cable: the names are the library's."""
    told = _told(getattr(pkcs11.exceptions, name)(), PLACE)

    assert "'unit7'" in str(told)
    assert len(told.hint) > 20


def test_library_is_named_by_people_and_must_be_one(tmp_path: Path) -> None:
    """A missing library is reported before it is loaded; a key file never names one."""
    file = msgspec.json.encode(
        {"format": 1, "public": {}, "token": {"label": "unit7", "number": 2}}
    )

    with pytest.raises(IssuerError, match="there is no library"):
        opened_token(file, tmp_path / "nothing.so", PIN)
    with pytest.raises(IssuerError, match="no public key"):
        opened_token(file, Path("/bin/sh"), PIN)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"token": {"label": "", "number": 2}},
        {"token": {"label": "x" * 33, "number": 2}},
        {"token": {"label": "x", "number": -1}},
        {"token": {"label": "x", "number": 1 << 64}},
        {"token": None},
    ],
    ids=["format", "empty", "long", "negative", "huge", "none"],
)
def test_other_files_name_no_token(changes: dict[str, Any]) -> None:
    """A file of another release is refused, and so is any other file."""
    shape = {"format": 1, "public": {}, "token": {"label": "x", "number": 2}}
    with pytest.raises(IssuerError, match="does not name a key in a token"):
        opened_token(msgspec.json.encode(shape | changes), LIBRARY, PIN)
