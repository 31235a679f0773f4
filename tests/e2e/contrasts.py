"""Publish a page, and measure the contrast of its texts in a browser."""

import re

from playwright.sync_api import Page, ViewportSize

from tests.e2e.conftest import Stage

LEAST_CONTRAST = 7.0
"""WCAG 2.2, success criterion 1.4.6 (level AAA), for text of any size."""

_COLOURS = """
() => [...document.body.querySelectorAll("*")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
).map((element) => {
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
        behind = behind.parentElement;
    return [element.outerHTML.slice(0, 80), getComputedStyle(element).color,
            getComputedStyle(behind).backgroundColor];
})
"""
"""Every element that holds text, its colour, and that of its background."""

_IS_WIDER = "() => document.documentElement.scrollWidth > window.innerWidth"


def colours_of(page: Page) -> list[list[str]]:
    """Return for each text its element, its colour, and the background colour."""
    found: list[list[str]] = page.evaluate(_COLOURS)
    return found


def is_wider(page: Page) -> bool:
    """Tell whether a page has to be scrolled sideways."""
    return bool(page.evaluate(_IS_WIDER))


NARROW = ViewportSize(width=320, height=568)
"""The narrowest window without scrolling sideways (WCAG 2.2, criterion 1.4.10): also
what a window of 1,280 pixels is at a zoom of 400 %."""


def publish(page: Page, site: Stage) -> None:
    """Publish the listed picture with the form of the site."""
    page.goto(site.url("/"))
    page.fill("[name=name]", "Anna")
    page.set_input_files("[name=picture]", site.folder / "holiday.jpg")
    page.click("button")
    page.wait_for_selector("#decision")


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2.2 defines it."""
    channels = [int(text) / 255 for text in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)
