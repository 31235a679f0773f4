"""Render the pages of the forms; the public ones in the language of the reader.

Rules this module keeps: everything is escaped; both languages have the same texts; a
page loads its style sheet and nothing else, and has no script.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final, TypeAlias

import jinja2

from uploadfilter.web.answering.languages import choose

LANGUAGES: Final = ("en", "nl")
"""The languages of the forms, the default one first."""

_PACKAGE: Final = "uploadfilter.forms"
_GROUP: Final = re.compile(".{1,4}")

Section: TypeAlias = Mapping[str, str]
"""Texts by name."""


def choose_language(accepted: str, wanted: str = "") -> str:
    """Return the language of a page.

    Args:
        accepted: The field Accept-Language.
        wanted: The language that the reader chose on a page, if any.
    """
    if wanted in LANGUAGES:
        return wanted
    return choose(accepted, LANGUAGES, default=LANGUAGES[0])


def render(name: str, **values: object) -> str:
    """Render the template of a name, without its ending, with values."""
    return _environment().get_template(f"{name}.html").render(values)


def texts_of(language: str, section: str) -> Section:
    """Return the texts of one section in one language."""
    found: Section = _document(language)[section]
    return found


def language_names() -> tuple[tuple[str, str], ...]:
    """Return each language with its name for itself."""
    return tuple((tag, str(_document(tag)["name"])) for tag in LANGUAGES)


@cache
def load_style(name: str) -> bytes:
    """Return a style sheet."""
    return (resources.files(_PACKAGE) / "pages" / name).read_bytes()


def split_code(code: str) -> list[str]:
    """Return a code in groups that can be read out."""
    return _GROUP.findall(code)


def format_day(at_s: float) -> str:
    """Return the UTC day of a moment, in seconds since the epoch."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


def format_moment(at_s: float) -> str:
    """Return a moment, in seconds since the epoch, for reviewers."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M} UTC"


@cache
def _document(language: str) -> Mapping[str, Any]:
    path = resources.files(_PACKAGE) / "pages" / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE, "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
