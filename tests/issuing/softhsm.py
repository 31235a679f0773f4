"""Tokens for tests: those of softhsm2, which speaks PKCS#11 and keeps keys in files."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11.util.ec import encode_named_curve_parameters

from tests.sites.programs import debian

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN, WRONG_PIN = "482913", "482914"
CURVE_KEYS = {2: "secp256r1", 3: "secp384r1", 4: "secp521r1"}
"""The keys of a token by their numbers. The last one is on an unsupported curve."""


class Drawer:
    """Where tokens lie that are plugged in.

    Args:
        path: An empty folder for them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._util = debian("softhsm2-util", package="softhsm2")
        (path / "tokens").mkdir()
        text = f"directories.tokendir = {path}/tokens\nobjectstore.backend = file\n"
        (path / "softhsm2.conf").write_text(text)

    def plug_in(self, label: str, *, another: bool = False) -> None:
        """Make a token with its keys, or another one of the label, without any."""
        options = ("--free", "--label", label, "--so-pin", "87654321", "--pin", PIN)
        subprocess.run(  # noqa: S603 - of Debian
            [self._util, "--init-token", *options], check=True, capture_output=True
        )
        library = self.look_again()
        if another:
            return
        with library.get_token(token_label=label).open(user_pin=PIN, rw=True) as held:
            for number, curve in CURVE_KEYS.items():
                named = encode_named_curve_parameters(curve)
                held.create_domain_parameters(
                    pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: named}, local=True
                ).generate_keypair(store=True, id=bytes([number]), label=curve)

    def take_out(self) -> None:
        """Take all tokens out."""
        shutil.rmtree(self.path / "tokens")
        (self.path / "tokens").mkdir()
        self.look_again()

    def look_again(self) -> Any:  # noqa: ANN401 - the package has no type for it
        """Make this process's library notice the tokens that are plugged in."""
        library = pkcs11.lib(str(LIBRARY))
        library.reinitialize()
        return library


@pytest.fixture
def drawer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawer:
    """Return an empty drawer of tokens."""
    folder = tmp_path / "drawer"
    folder.mkdir()
    monkeypatch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    # The program sets it, and it must not outlive the test.
    monkeypatch.setenv("PYKCS11LIB", "")
    return Drawer(folder)
