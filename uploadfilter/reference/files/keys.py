"""Read or make the secret of the installation.

The secret is in a file of the reference directory, unless the operator keeps it apart
from the data that it protects. Then the environment or the service manager passes it as
hex digits.

Rules this module keeps: a secret is never shown. It is never replaced either, because
every exact signal that was stored with the old one would silently never be found again.
"""

import os
import secrets
from pathlib import Path

from uploadfilter.errors import StoreKeyError
from uploadfilter.reference.entries.secret import SECRET_BYTES, Secret
from uploadfilter.reference.files.layout import write_aside
from uploadfilter.state import sync_directory

KEY_FILE = "key"

KEY_VARIABLE = "UPLOADFILTER_KEY"
"""Holds the secret as hex digits, for operators who keep it apart from the data."""

CREDENTIAL_NAME = "uploadfilter-key"
"""Name of the systemd credential that holds the secret as hex digits
(``LoadCredential=``)."""

_CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"

KEY_VARIABLES = (KEY_VARIABLE, _CREDENTIALS_VARIABLE)
"""The variables that a process needs to read the secret."""

_KEY_HINT = (
    f"Restore it from a backup, or set {KEY_VARIABLE}. Without it the exact signals "
    "cannot be looked up: move the reference directory away, run 'uploadfilter init' "
    "and import again."
)


def read_secret(directory: Path) -> Secret:
    """Read the secret of the installation, wherever the operator keeps it.

    The environment comes first, then the credential of systemd, then the file.

    Raises:
        StoreKeyError: The secret is missing, unreadable, or has the wrong length.
    """
    return _secret_from_outside() or _secret_from_file(directory)


def _secret_from_outside() -> Secret | None:
    """Return the secret that is not kept in the reference directory, if any."""
    given = os.environ.get(KEY_VARIABLE)
    if given is not None:
        return Secret(_unhexed(given, f"the environment variable {KEY_VARIABLE}"))
    credentials = os.environ.get(_CREDENTIALS_VARIABLE)
    if not credentials:
        return None
    path = Path(credentials) / CREDENTIAL_NAME
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        # systemd passes other credentials only.
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise StoreKeyError(
            f"cannot read the key {str(path)!r}: {exc}", hint=_KEY_HINT
        ) from exc
    return Secret(_unhexed(text, f"the credential {str(path)!r}"))


def _unhexed(text: str, where: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != SECRET_BYTES:
        # The text is never shown: it may be the key with a letter too many.
        raise StoreKeyError(
            f"{where} is not {2 * SECRET_BYTES} hex digits",
            hint="Give it the key that the reference set was made with, as hex digits.",
        )
    return value


def _secret_from_file(directory: Path) -> Secret:
    path = directory / KEY_FILE
    try:
        value = path.read_bytes()
    except OSError as exc:
        raise StoreKeyError(
            f"cannot read the key {str(path)!r}: {exc.strerror}", hint=_KEY_HINT
        ) from exc
    if len(value) != SECRET_BYTES:
        raise StoreKeyError(
            f"the key {str(path)!r} has {len(value)} bytes, not {SECRET_BYTES}",
            hint=_KEY_HINT,
        )
    return Secret(value)


def make_secret(directory: Path) -> Secret:
    """Make the secret of an installation if there is none yet, and read it.

    Raises:
        StoreKeyError: The existing secret is unreadable or has the wrong length.
        OSError: The file could not be written.
    """
    outside = _secret_from_outside()
    if outside is not None:
        return outside
    path = directory / KEY_FILE
    if not path.exists():
        aside = write_aside(path, secrets.token_bytes(SECRET_BYTES))
        aside.rename(path)
        sync_directory(directory)
    return read_secret(directory)
