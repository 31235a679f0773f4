"""Sign the demo hash set, as an issuer would.

    python -m hashsets.demo.make_signed
    python -m hashsets.demo.make_signed --entries set.jsonl --out folder

The first writes ``hashsets/demo/root.json``, the public root: it is always the same.
The second also signs entries, into a folder that operators can sync from, as ``make
run`` does; its validity counts from now, so that a demo does not expire.

The keys are made from the names of their holders, which are public below: anybody can
sign with them. Trust this root only for a trial, and never where real uploads arrive.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from hashsets.demo.make_demo import DEMO_FILE
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import holding, proposing, publishing, signing, staging
from uploadfilter.issuing.folder import IssuerFolder, SetSettings
from uploadfilter.issuing.published import Published, published
from uploadfilter.signedsets.metadata import Holders, named
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    REVOKE,
    ROOT,
    TARGETS,
    TIMESTAMP,
    Lifetimes,
)

ROOT_FILE: Final = Path(__file__).with_name("root.json")

SET: Final = "demo"

ROOT_EPOCH_S: Final = 1_795_737_600.0
"""Start of the root's validity, in seconds since the epoch: 2026-11-27. It is fixed, so
that the root is the same file each time; in 2036 a new one is needed."""

LIFETIMES: Final = Lifetimes(
    root=3650, targets=3650, hashset=3650, revoke=3650, online=3650
)
"""Ten years: a folder that is kept for trials must not expire."""

_HOUSE = ("demo-ann", "demo-bob", "demo-cid")
_ANALYSTS = ("demo-dora", "demo-eve")
_DUTY = "demo-fay"
_MACHINE = "demo-machine"


def signer(name: str) -> CryptoSigner:
    """Return the signer of a name of the demo."""
    seed = hashlib.sha256(f"a key that everybody has: {name}".encode()).digest()
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return CryptoSigner(private, named(CryptoSigner(private).public_key, name))


def write_signed(entries: Path, out: Path, *, epoch_s: float) -> Path:
    """Sign entries, and write all files that an operator syncs.

    Args:
        entries: JSON lines of ``hashsets/FORMAT.md``.
        out: The folder of the signed set.
        epoch_s: When it is signed, in seconds since the epoch.

    Returns:
        The file of its root.

    Raises:
        UploadFilterError: The entries cannot be signed, or ``out`` not be written.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = proposed(Path(name) / "issuer")
        with folder.locked():
            staging.stage_file(folder, entries, now=Published(), tally=Tally())
            proposing.propose(folder, Published(), epoch_s=epoch_s, parameters={})
            for holder in (*_HOUSE[:2], *_ANALYSTS, _DUTY):
                signing.sign(folder, Published(), signer(holder))
            machine = signer(_MACHINE)
            publishing.publish(folder, Published(), machine, epoch_s=epoch_s)
            publishing.export(folder, published(folder), out)
    return out / "metadata" / "1.root.json"


def root() -> bytes:
    """Return the public root of the demo."""
    with tempfile.TemporaryDirectory() as name:
        folder = proposed(Path(name) / "issuer")
        with folder.locked():
            for holder in _HOUSE[:2]:
                signing.sign(folder, Published(), signer(holder))
        return (folder.proposal / f"{ROOT}.json").read_bytes()


def proposed(path: Path) -> IssuerFolder:
    """Make an issuer's folder with a proposal of the holders of its roles."""
    issuer = "Demo, whose keys everybody has"
    settings = SetSettings(set=SET, issuer=issuer, lifetimes=LIFETIMES)
    folder = IssuerFolder.create(path, settings)
    house, machine = _holders(2, *_HOUSE), _holders(1, _MACHINE)
    holders = {
        ROOT: house,
        TARGETS: house,
        HASHSET: _holders(2, *_ANALYSTS),
        REVOKE: _holders(1, _DUTY),
        GATHERED: machine,
        TIMESTAMP: machine,
    }
    with folder.locked():
        holding.propose_holders(folder, Published(), holders, epoch_s=ROOT_EPOCH_S)
    return folder


def _holders(threshold: int, *names: str) -> Holders:
    keys = tuple(signer(name).public_key for name in names)
    return Holders(keys=keys, threshold=threshold)


def main() -> None:
    """Parse the command line and sign."""
    parser = argparse.ArgumentParser(description="Sign the demo hash set.")
    parser.add_argument("--entries", type=Path, default=DEMO_FILE, metavar="FILE")
    parser.add_argument("--out", type=Path, metavar="DIR")
    args = parser.parse_args()
    ROOT_FILE.write_bytes(root())
    print(f"the root is in {ROOT_FILE}")
    if args.out is not None:
        now_s = time.time()  # noqa: TID251 - signatures are believed from now on
        write_signed(args.entries, args.out, epoch_s=now_s)
        print(f"the signed set is in {args.out}")


if __name__ == "__main__":
    main()
