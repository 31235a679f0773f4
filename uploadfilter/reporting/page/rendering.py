"""Render the document of a report as one page that needs nothing else.

The page holds the document as well, as data that no browser runs, so that the program
can compute it again and compare.
"""

from functools import cache
from importlib import resources
from typing import Final

import jinja2
import msgspec
from markupsafe import Markup

from uploadfilter.reporting.document import Document
from uploadfilter.reporting.page.layout import ReportLayout
from uploadfilter.reporting.page.words import ReportWords

_DATA_BEGIN: Final = '<script type="application/json" id="report">'
_DATA_END: Final = "</script>"


def page_of(document: Document) -> str:
    """Return the page."""
    words = ReportWords(document.chosen.language)
    chosen = document.chosen
    logs = len(document.logs)
    of_logs = words.made_logs_one if logs == 1 else words.made_logs
    least = words.least.format(most=chosen.least - 1)
    return _template().render(
        language=words.language,
        title=chosen.title or words.title,
        period=words.of_period.format(first=chosen.first, last=chosen.last),
        made=words.made.format(
            made=document.made,
            program=document.program,
            logs=of_logs.format(count=logs),
        ),
        hiding=least if chosen.least > 1 else words.everything,
        sections=ReportLayout(document, words).sections(),
        program=document.program,
        css=Markup(_css()),  # noqa: S704 -- our own file
        data=Markup(_data(document)),  # noqa: S704 -- escaped below
        t=words,
    )


def data_in(page: str) -> bytes:
    """Return the document that a page holds, as JSON.

    Raises:
        ValueError: The page holds none, or several.
    """
    before, found, rest = page.partition(_DATA_BEGIN)
    data, end, after = rest.partition(_DATA_END)
    if not found or not end or _DATA_BEGIN in after or _DATA_BEGIN in before:
        raise ValueError("the page holds no report")
    return data.encode()


def _data(document: Document) -> str:
    """Return the document as JSON that cannot end the element around it."""
    text = msgspec.json.encode(document).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _css() -> str:
    path = resources.files("uploadfilter.reporting.page") / "report.css"
    return path.read_text("utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("uploadfilter.reporting.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
