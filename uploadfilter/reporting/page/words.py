"""The words and numbers of a report in one language."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, cast

LANGUAGES: Final = ("en", "nl")

_SMALL: Final = 1e-3
_LARGE: Final = 100
"""Numbers from here on are shown without decimals."""


class ReportWords:
    """The texts of one language; a missing one is an error.

    Args:
        language: One of ``LANGUAGES``.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = _texts(language)

    def __getattr__(self, name: str) -> str:
        """Return a text of the top level, for templates."""
        try:
            return str(self._texts[name])
        except KeyError as exc:
            raise AttributeError(name) from exc

    def of(self, table: str, name: str, **values: object) -> str:
        """Return a text of a table, with values put in."""
        texts = cast("Mapping[str, str]", self._texts[table])
        return texts[name].format(**values)

    def known(self, table: str, name: str) -> str:
        """Return a text of a table, or the name itself if the table has none."""
        texts = cast("Mapping[str, str]", self._texts[table])
        return texts.get(name, name or "-")

    def number(self, value: float | None) -> str | None:
        """Return a number as text; ``None`` stays what it is."""
        if value is None:
            return None
        if value == int(value):
            text = f"{int(value):,}"
        elif abs(value) < _SMALL:
            text = f"{value:.1e}"
        else:
            text = f"{value:,.0f}" if value >= _LARGE else f"{value:,.3g}"
        if self.language == "nl":
            return text.translate(str.maketrans(",.", ".,"))
        return text


def lack_words(lack: str, number: int, detail: str) -> str:
    """Return in English what a log lacks."""
    words = ReportWords("en")
    return words.of("lacks", lack, number=words.number(number), detail=detail)


@cache
def _texts(language: str) -> Mapping[str, Any]:
    path = resources.files("uploadfilter.reporting.page") / f"{language}.toml"
    return tomllib.loads(path.read_text("utf-8"))
