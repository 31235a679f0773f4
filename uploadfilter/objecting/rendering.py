"""Render the public forms in the language of the reader.

Rules this module keeps: everything is escaped; both languages have the same texts; a
page loads its style sheet and nothing else, and has no script.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final, TypeAlias

import jinja2

from uploadfilter.proxy.answering.languages import choose

LANGUAGES: Final = ("en", "nl")
"""The languages of the forms, the default one first."""

STYLE: Final = "forms.css"

_PACKAGE: Final = "uploadfilter.objecting"
_GROUP: Final = re.compile(".{1,4}")

Section: TypeAlias = Mapping[str, str]
"""Texts by name."""

Texts: TypeAlias = Mapping[str, Section]
"""The texts of one language, by section and name."""


def language_of(accepted: str, wanted: str = "") -> str:
    """Return the language of a page.

    Args:
        accepted: The field Accept-Language.
        wanted: The language that the reader chose on a page, if any.
    """
    if wanted in LANGUAGES:
        return wanted
    return choose(accepted, LANGUAGES, default=LANGUAGES[0])


def page(name: str, *, language: str, title: str, **values: object) -> str:
    """Render one of the templates.

    Args:
        name: Name of the template, without its ending.
        language: Language tag.
        title: The heading of the page.
        values: The values for the template.
    """
    known: dict[str, object] = {"problem": "", "languages": (), "root": "", **values}
    template = environment().get_template(f"{name}.html")
    return template.render(language=language, title=title, **known)


@cache
def texts_of(language: str) -> Texts:
    """Return the texts of one language."""
    path = resources.files(_PACKAGE) / "pages" / f"{language}.toml"
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    return MappingProxyType({k: v for k, v in found.items() if isinstance(v, dict)})


@cache
def names_of_languages() -> tuple[tuple[str, str], ...]:
    """Return each language with its name for itself."""
    folder = resources.files(_PACKAGE) / "pages"
    documents = {
        tag: tomllib.loads((folder / f"{tag}.toml").read_text(encoding="utf-8"))
        for tag in LANGUAGES
    }
    return tuple((tag, document["name"]) for tag, document in documents.items())


@cache
def style(name: str = STYLE) -> bytes:
    """Return a style sheet; by default that of all public forms."""
    return (resources.files(_PACKAGE) / "pages" / name).read_bytes()


def groups_of(code: str) -> list[str]:
    """Return a code in groups that can be read out."""
    return _GROUP.findall(code)


def day_words(at_s: float) -> str:
    """Return the day of a moment as every language writes it, UTC.

    Args:
        at_s: Seconds since the epoch.
    """
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


@cache
def environment() -> jinja2.Environment:
    """Return the templates of the public forms and of the page of reviewers."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE, "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
