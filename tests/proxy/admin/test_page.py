"""The operator's page as it leaves the server."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override

from tests.proxy.admin.desk import watched
from tests.proxy.admin.observed import facts_of
from tests.proxy.site import exact_entry, list_entries
from tests.web.counting.rejections import decision
from uploadfilter.proxy.admin.page import STATIC, render
from uploadfilter.web.serving import POLICY, answer_static

_VOID = {"meta", "link", "br", "img", "input"}


class _Reader(HTMLParser):
    """Reads a page: its text, the resources it loads, whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.loads: list[str] = []
        self.text = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href"}:
                self.loads.append(value or "")

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


async def read(state: Path) -> _Reader:
    """Render the page of a proxy that has decided something, and read it."""
    list_entries(state, [exact_entry(1, b"a")], name="unit7")
    async with watched(state) as proxy:
        proxy.metrics.decided(decision(1, "unit7"))
        reader = _Reader()
        reader.feed(render(await facts_of(proxy)))
    reader.close()
    return reader


async def test_page_holds_the_essentials_without_scripts(tmp_path: Path) -> None:
    """State, remedy, sets, routes and decisions are in the page when it arrives."""
    reader = await read(tmp_path)

    for text in ("Not ready", "scanner_start_failed", "unit7", "default", "ENFORCE"):
        assert text in reader.text
    assert decision(1).id in reader.text


async def test_page_is_well_formed(tmp_path: Path) -> None:
    """Every tag is closed, and no id is given twice."""
    reader = await read(tmp_path)

    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)


async def test_page_has_nothing_inline_and_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    """The page tries nothing that the policy forbids: styles, handlers, other hosts."""
    reader = await read(tmp_path)

    assert "style" not in reader.attributes
    assert not [name for name in reader.attributes if name.startswith("on")]
    assert not [target for target in reader.loads if "//" in target]
    assert "unsafe" not in POLICY


def file_of(name: str) -> str:
    """Return the text of a file beside the page."""
    answer = answer_static(STATIC, name)
    assert answer is not None
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


@pytest.mark.parametrize("name", STATIC)
def test_static_files_fetch_nothing(name: str) -> None:
    """Style sheet, script and icon name no other place."""
    text = file_of(name)

    assert not re.findall(r"url\(|@import|https?:(?!//www\.w3\.org)", text)


def test_script_makes_no_markup() -> None:
    """The script inserts data as text, never as HTML."""
    script = file_of("page.js")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write", script)
