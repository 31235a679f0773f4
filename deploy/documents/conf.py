"""Settings of Sphinx, which makes the documents a site: ``make site``.

The pages stay plain Markdown that any forge shows. The tree of the navigation, which
only a site needs, is added here while a page is read. Nothing is loaded from another
server: the theme has the system's own fonts, and the search runs in the browser.
"""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

project = "uploadfilter"
author = "the authors of uploadfilter"
copyright = author  # noqa: A001 - Sphinx's name for it
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**.md",
    "hashsets/FORMAT.md",
]
language = "en"
# Code in a language that the highlighter does not know is shown without colours.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = "uploadfilter"
html_copy_source = False
html_show_sphinx = False
html_theme_options: dict[str, list[str]] = {"footer_icons": []}
html_static_path = ["site.css"]
html_css_files = ["site.css"]

myst_heading_anchors = 6
myst_links_external_new_tab = False

NAVIGATION = {
    "Operate": [
        "docs/operating/README",
        "docs/sites",
        "docs/compatibility",
        "docs/growth",
        "docs/limits",
        "docs/non-goals",
        "docs/tricks",
    ],
    "Oversee": [
        "docs/decision-table",
        "docs/decision-log",
        "docs/records",
        "docs/reports",
    ],
    "Issue hash sets": ["docs/issuing", "hashsets/FORMAT"],
    "Develop": [
        "docs/design",
        "docs/one-upload",
        "docs/state",
        "docs/threats",
        "docs/glossary",
        "docs/house-style",
        "CONTRIBUTING",
        "docs/decisions/README",
    ],
    "Project": ["SECURITY", "CHANGELOG"],
}
"""The captions beside every page, and the pages below each of them."""

FOLDERS = ("docs/operating", "docs/decisions")
"""Folders whose ``README.md`` leads to all other pages of the folder."""


def tree(pages: list[str], caption: str = "") -> str:
    """Return Markdown that puts pages into the navigation, and shows nothing itself."""
    head = f":caption: {caption}\n" if caption else ""
    names = "\n".join(f"/{page}" for page in pages)
    return f"\n```{{toctree}}\n:hidden:\n{head}\n{names}\n```\n"


def below(folder: str, text: str) -> list[str]:
    """Return the pages of a folder in the order of the links to them."""
    names = re.findall(r"\]\(([\w-]+)\.md\)", text)
    return [f"{folder}/{name}" for name in dict.fromkeys(names)]


def add_navigation(app: Any, name: str, content: list[str]) -> None:  # noqa: ANN401 - Sphinx
    """Add the tree of the pages below to a page that leads to them.

    Args:
        app: Sphinx, which calls this for each page.
        name: The page, without its suffix.
        content: Its text, the only item; replaced.
    """
    del app
    if name == root_doc:
        content[0] += "".join(tree(pages, it) for it, pages in NAVIGATION.items())
    elif name.endswith("/README") and name.removesuffix("/README") in FOLDERS:
        content[0] += tree(below(name.removesuffix("/README"), content[0]))


def setup(app: Any) -> dict[str, bool]:  # noqa: ANN401 - Sphinx
    """Tell Sphinx what to call for each page; pages may be read in parallel."""
    app.connect("source-read", add_navigation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
