"""Render the operator's page, and return its style sheet, script and icon."""

from functools import cache
from importlib import resources
from typing import Final

import jinja2

from uploadfilter.proxy.admin.charts import HEIGHT, WIDTH
from uploadfilter.proxy.admin.facts import Facts

STATIC: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""The files beside the page, and their media types."""


def render(facts: Facts) -> str:
    """Render the page."""
    return _template().render(facts=facts, width=WIDTH, height=HEIGHT)


@cache
def static(name: str) -> bytes:
    """Return one of the files in ``STATIC``."""
    return (resources.files("uploadfilter.proxy.admin") / "static" / name).read_bytes()


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("uploadfilter.proxy.admin", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("operator.html")
