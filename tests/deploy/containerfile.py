"""The instructions of the container file."""

import re

from tests.deploy.programs import DEPLOY

CONTAINERFILE = DEPLOY / "container" / "Containerfile"


def instructions() -> list[tuple[str, str]]:
    """Return the instructions, continued lines joined and comments left out."""
    lines = [
        line
        for line in CONTAINERFILE.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [
        (word, rest) for word, _, rest in (o.partition(" ") for o in joined.split("\n"))
    ]


def last(word: str) -> str:
    """Return the last instruction of a kind, which is the one that counts."""
    return [rest for name, rest in instructions() if name == word][-1]
