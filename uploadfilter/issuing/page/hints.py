"""Put commands and roles in messages into the words of the page.

The rooms below name commands in their hints, and roles as in files; users of the page
know neither. Rules this module keeps: it is pure; a command without a step on the page
keeps its name, for those who look after the program.
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
    "propose": "the step 'Preview'",
    "propose --remove": "the command 'uploadfilter issuer propose --remove'",
    "sign": "the step 'Signatures'",
    "publish": "the step 'Publish'",
    "withdraw": "the page 'Withdraw'",
    "export": "the page 'Stick'",
    "status": "the page 'Status'",
    "new": "the command 'uploadfilter issuer new'",
    "key": "the page 'Keys'",
    "key --token": "the command 'uploadfilter issuer key --token'",
    "page --pkcs11": "the command 'uploadfilter issuer page --pkcs11'",
    "rotate": "the command 'uploadfilter issuer rotate'",
    "key --evidence": "the command 'uploadfilter issuer key --evidence'",
}
"""The place on the page for each command that a hint names."""

ROLES: Final[Mapping[str, str]] = {
    ROOT: "the root keys",
    TARGETS: "the rights to add and withdraw",
    HASHSET: "the set",
    REVOKE: "the list of withdrawals",
    GATHERED: "the list of files",
    TIMESTAMP: "the newest version",
}
"""The names of the roles for people, in the order in which they are shown."""

_COMMAND: Final = re.compile(r"'uploadfilter issuer ([a-z-]+(?: --[a-z0-9]+)?)'")
_ONLINE_KEY: Final = re.compile(r" with --online-key\b")
_ROLE: Final = re.compile(
    rf"(?:(?<=')|(?<=\()|(?<=: )|(?<=, ))({'|'.join(ROLES)})(?=[',;)]|$)"
)
"""A role that a message names: in quotes, or in a list."""


def on_page(text: str) -> str:
    """Return an error or its hint as a sentence in the words of the page."""
    text = _ROLE.sub(lambda found: ROLES[found[0]], without_commands(text))
    return text[:1].upper() + text[1:]


def without_commands(text: str) -> str:
    """Return a text with the places on the page for the commands that it names."""
    text = _COMMAND.sub(lambda found: STEPS.get(found[1], found[0]), text)
    return _ONLINE_KEY.sub(" in the field 'Key of this machine'", text)
