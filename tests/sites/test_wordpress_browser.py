"""WordPress behind the proxy, used by a person with a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pictures
from tests.e2e.curl import curl
from tests.sites.behind import Behind
from tests.sites.visitor import visitor
from tests.sites.wordpress import USER, WordPress

pytestmark = pytest.mark.e2e

CHOOSER = ".moxie-shim input[type=file]"
"""Where the uploader takes files, hidden under its button."""

IS_LARGE = "image => image.complete && image.naturalWidth > 100"
TITLE = "Lakes and boats"

EDITOR_IS_READY = """
() => window.wp?.data?.select("core/editor")?.getCurrentPostId() === 1
"""
WRITE_TITLE = """
title => {
    wp.data.dispatch("core/preferences").set("core/edit-post", "welcomeGuide", false);
    wp.data.dispatch("core/editor").editPost({ title });
}
"""
"""Send the greeting of a first visit away, and write a title."""


@pytest.fixture(scope="module")
def keeper(wordpress_site: Behind, wordpress_itself: WordPress) -> Iterator[Page]:
    """Return the page of a user who has logged in."""
    with visitor() as page:
        page.goto(wordpress_site.url("/wp-login.php"))
        page.fill("#user_login", USER)
        page.fill("#user_pass", wordpress_itself.password)
        page.click("#wp-submit")
        page.wait_for_url("**/wp-admin/")
        yield page


def choose(keeper: Page, site: Behind, path: Path, content: bytes) -> None:
    """Give a file to the uploader of the media library."""
    path.write_bytes(content)
    keeper.goto(site.url("/wp-admin/media-new.php"))
    keeper.set_input_files(CHOOSER, path)


def test_picture_is_uploaded_and_shown(
    wordpress_site: Behind, keeper: Page, tmp_path: Path
) -> None:
    """The uploader takes a picture, and the library shows it."""
    content = pictures.unlisted(6101)
    choose(keeper, wordpress_site, tmp_path / "boat.jpg", content)
    keeper.goto(keeper.locator("a.edit-attachment").get_attribute("href") or "")
    shown = keeper.locator(".wp_attachment_image img").first
    expect(shown).to_be_visible()

    assert shown.evaluate(IS_LARGE)
    assert wordpress_site.holds(content)


def test_uploader_shows_an_error_for_a_listed_picture(
    wordpress_site: Behind, keeper: Page, tmp_path: Path
) -> None:
    """The uploader of a listed picture is told so, and the site holds nothing of it."""
    choose(keeper, wordpress_site, tmp_path / "lake.jpg", pictures.listed())
    expect(keeper.locator("#media-upload-error")).to_contain_text("was not accepted")

    assert not wordpress_site.holds(pictures.listed())


def test_plain_form_shows_our_page_for_a_listed_picture(
    wordpress_site: Behind, keeper: Page, tmp_path: Path
) -> None:
    """Without scripts the form leads to the page with the result."""
    (tmp_path / "lake.jpg").write_bytes(pictures.listed())
    keeper.goto(wordpress_site.url("/wp-admin/media-new.php?browser-uploader"))
    keeper.set_input_files("#async-upload", tmp_path / "lake.jpg")
    keeper.click("#html-upload")
    keeper.wait_for_load_state()
    decision = keeper.locator("code").inner_text()
    (record,) = wordpress_site.records("--id", decision, "--records", "decision")

    assert record["verdict"] == "MATCH"
    assert not wordpress_site.holds(pictures.listed())


def test_post_is_written_in_the_block_editor(
    wordpress_site: Behind, keeper: Page
) -> None:
    """A post that is written and published in the editor can be read."""
    keeper.goto(wordpress_site.url("/wp-admin/post.php?post=1&action=edit"))
    keeper.wait_for_function(EDITOR_IS_READY)
    keeper.evaluate(WRITE_TITLE, TITLE)
    with keeper.expect_response("**/wp-json/wp/v2/posts/1*") as answered:
        keeper.click(".editor-post-publish-button")

    assert answered.value.status == 200
    assert TITLE.encode() in curl(wordpress_site.url("/hello-world/")).body
