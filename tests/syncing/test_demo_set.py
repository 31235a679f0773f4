"""The signed demo set, which ``make run`` syncs, and its public root."""

from pathlib import Path

import pytest

from hashsets.demo.make_demo import DEMO_FILE
from hashsets.demo.make_signed import ROOT_EPOCH_S, ROOT_FILE, root, write_signed
from uploadfilter.syncing.client import Client
from uploadfilter.syncing.trusting import Trusted

YEAR_S = 365 * 86_400


def test_public_root_is_what_the_script_makes() -> None:
    """Another run of the script makes the file that people have trusted."""
    assert ROOT_FILE.read_bytes() == root()


@pytest.mark.parametrize("years", [0, 4, 9])
def test_set_signed_later_is_of_the_same_root(tmp_path: Path, years: int) -> None:
    """The demo does not expire: its signatures are valid from then on."""
    epoch_s = ROOT_EPOCH_S + years * YEAR_S
    made = write_signed(DEMO_FILE, tmp_path / "signed", epoch_s=epoch_s)
    trusted = Trusted.of(tmp_path, "demo")
    trusted.trust(ROOT_FILE.read_bytes(), str(tmp_path / "signed"))
    with trusted.locked():
        client = Client(trusted, str(tmp_path / "signed"))
        verified = client.verify()

    assert made.read_bytes() == ROOT_FILE.read_bytes()
    assert verified.signers == ("demo-dora", "demo-eve")
    assert verified.expires_at > epoch_s
