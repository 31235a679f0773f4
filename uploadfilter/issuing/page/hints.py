"""What messages call commands and roles, in the words of the page.

The rooms below say what to do next with the names of commands, and name roles as files
do; people on the page have seen neither. Rules this module keeps: it is pure; what the
page has no step for keeps the name of its command, for those who look after the
program.
"""

import re
from collections.abc import Mapping
from typing import Final

from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    REVOKE,
    ROOT,
    TARGETS,
    TIMESTAMP,
)

STEPS: Final[Mapping[str, str]] = {
    "build": "the step 'Pictures'",
    "stage": "the step 'Pictures'",
    "stage --remove": "the command 'uploadfilter issuer stage --remove'",
    "propose": "the step 'Preview'",
    "sign": "the step 'Signatures'",
    "publish": "the step 'Publish'",
    "withdraw": "the page 'Withdraw'",
    "export": "the page 'Stick'",
    "status": "the page 'Status'",
    "init": "the command 'uploadfilter issuer init'",
    "key": "the page 'Keys'",
    "key --token": "the command 'uploadfilter issuer key --token'",
    "page --pkcs11": "the command 'uploadfilter issuer page --pkcs11'",
    "rotate": "the command 'uploadfilter issuer rotate'",
}
"""By each command that a hint names, what it is on the page."""

ROLES: Final[Mapping[str, str]] = {
    ROOT: "the keys of the house",
    TARGETS: "who may add and withdraw",
    HASHSET: "the set",
    REVOKE: "the list of withdrawals",
    GATHERED: "which files belong together",
    TIMESTAMP: "what is the newest",
}
"""What people call the roles, in the order in which they are shown."""

_COMMAND: Final = re.compile(r"'uploadfilter issuer ([a-z]+(?: --[a-z0-9]+)?)'")
_ONLINE_KEY: Final = re.compile(r" with --online-key\b")
_ROLE: Final = re.compile(
    rf"(?:(?<=')|(?<=\()|(?<=: )|(?<=, ))({'|'.join(ROLES)})(?=[',;)]|$)"
)
"""A role, where a message names it: quoted, or one of a list."""


def on_page(text: str) -> str:
    """Return a hint in the words of the page."""
    text = _COMMAND.sub(lambda found: STEPS.get(found[1], found[0]), text)
    text = _ONLINE_KEY.sub(" in the field 'Key of this machine'", text)
    text = _ROLE.sub(lambda found: ROLES[found[0]], text)
    return text[:1].upper() + text[1:]
