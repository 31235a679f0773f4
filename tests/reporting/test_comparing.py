"""Naming the places in which a page or table differs."""

from uploadfilter.reporting.comparing import (
    MOST_CHARACTERS,
    ShownOtherwise,
    page_differences,
    table_differences,
)

PAGE = """\
<h2 id="a">Uploads</h2>
<p>{text}</p>
<tr>
<th scope="row"><a href="#q">seen &amp; done</a></th>
<td class="number">{number}</td>
</tr>
<script>{data}</script>
"""


def page(*, text: str = "All.", number: int = 1, data: str = "{}") -> str:
    """Return a page with one row."""
    return PAGE.format(text=text, number=number, data=data)


def test_cell_is_named_by_its_table_and_row() -> None:
    """The number that people see there, and the right one."""
    found = list(page_differences(page(number=7), page()))

    assert found == [ShownOtherwise("Uploads, seen & done", "7", "1")]


def test_text_is_shown_from_its_first_difference_on() -> None:
    """A changed word of a long paragraph is found by a person."""
    text = "word " * 100
    (found,) = page_differences(page(text=f"{text}no"), page(text=f"{text}yes"))

    assert found.what == "Uploads"
    assert found.shown.endswith("word no...")
    assert found.expected.endswith("word yes...")
    assert len(found.expected) <= MOST_CHARACTERS + len("......")


def test_one_text_may_be_the_beginning_of_the_other() -> None:
    """The end of the longer one is shown."""
    text = "word " * 100
    (found,) = page_differences(page(text=text), page(text=f"{text}yes"))

    assert found.expected.endswith("yes...")


def test_what_people_do_not_see_is_not_named() -> None:
    """The data has figures of its own; pages of other lengths cannot be compared."""
    assert not list(page_differences(page(data="[]"), page()))
    assert not list(page_differences(page() + "<p>More</p>\n", page()))


def test_figure_of_a_table_is_named() -> None:
    """Changed, added and removed ones, with their periods."""
    shown = (
        "kind,name,key,period,value\r\nfigure,uploads,,2026-11,7\r\nfigure,x,y,,1\r\n"
    )
    right = "kind,name,key,period,value\r\nfigure,uploads,,2026-11,9\r\nquery,x,,,1\r\n"

    assert list(table_differences(shown, right)) == [
        ShownOtherwise("uploads, 2026-11", "7", "9"),
        ShownOtherwise("x, y", "1", "nothing"),
    ]
