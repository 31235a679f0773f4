"""Keys of an issuer's officers, and the command that makes their folder."""

from pathlib import Path

from uploadfilter.issuing.keys import made_key

PASSPHRASE = "four words of mine"  # noqa: S105 - of a test
NAMES = ("ann", "bob", "cid", "dora", "eve", "fay", "gus", "machine")


def make_keys(folder: Path) -> None:
    """Make the keys of an office, cheaply sealed, and a file with the passphrase."""
    for name in NAMES:
        key, public = made_key(name, PASSPHRASE, cost=16)
        (folder / f"{name}.key").write_bytes(key)
        (folder / f"{name}.pub").write_bytes(public)
    private(folder / "pw", PASSPHRASE)


def init_words(folder: Path, *more: str) -> list[str]:
    """Return the words of a command that makes an issuer's folder."""
    words = ["issuer", "new", str(folder / "o"), "--set", "unit7", "--issuer", "U7"]
    for option, names in (
        ("--root", ("ann", "bob", "cid")),
        ("--analyst", ("dora", "eve")),
        ("--duty", ("fay",)),
        ("--online", ("machine",)),
    ):
        for name in names:
            words += [option, str(folder / f"{name}.pub")]
    return [*words, *more]


def private(path: Path, text: str) -> Path:
    """Write a file for its owner alone."""
    path.write_text(text)
    path.chmod(0o600)
    return path
