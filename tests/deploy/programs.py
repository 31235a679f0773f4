"""The parts of the machine and of ``make`` that the tests need."""

import os
from collections.abc import Sequence
from pathlib import Path

from tests.repository import ROOT
from tests.sites.programs import missing

DEPLOY = ROOT / "deploy"
"""The package that an operator gets."""


def made(variable: str) -> Path:
    """Return the path of a product of ``make deploy-test``, named in a variable."""
    text = os.environ.get(variable)
    return Path(text) if text else missing(f"{variable}", cure="make deploy-test")


def shown(command: Sequence[str], output: bytes) -> str:
    """Return a command's output, for the message of an assertion."""
    return f"{' '.join(command)}:\n{output.decode(errors='replace')}"
