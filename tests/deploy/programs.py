"""What the tests need of the machine and of ``make``."""

import os
from collections.abc import Sequence
from pathlib import Path

from tests.repository import ROOT
from tests.sites.programs import missing

DEPLOY = ROOT / "deploy"
"""What an operator gets."""


def made(variable: str) -> Path:
    """Return the path of what ``make deploy-test`` has made and names in a variable."""
    text = os.environ.get(variable)
    return Path(text) if text else missing(f"{variable}", cure="make deploy-test")


def shown(command: Sequence[str], output: bytes) -> str:
    """Return what a command said, for the message of an assertion."""
    return f"{' '.join(command)}:\n{output.decode(errors='replace')}"
