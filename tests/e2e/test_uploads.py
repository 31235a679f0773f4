"""Uploads of every kind through a proxy in ENFORCE: what passes and what does not."""

import base64
import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
import pytest
import zstandard

from deploy.demo import running
from tests.corpus.pictures import bomb_png, truncated
from tests.e2e import pictures
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.curl import curl, post_form, put, put_chunked, sha256

pytestmark = pytest.mark.e2e

HTML = ("-H", "Accept: text/html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Run one proxy in ENFORCE, with one listed picture, for all tests of the file."""
    folder = tmp_path_factory.mktemp("site")
    running.run_program("init", state=folder / "state")
    hash_set = write_set(folder / "demo.jsonl", pictures.listed())
    import_set(folder / "state", hash_set, enforced=True)
    with stage(folder, "--mode", "enforce") as on:
        yield on


def decided(site: Stage, decision: str) -> dict[str, object]:
    """Return the record of a decision."""
    return site.log("--id", decision, "--records", "decision")[0]


def test_unlisted_picture_is_published_as_it_was_sent(site: Stage) -> None:
    """An accepted raw body reaches the origin byte for byte, with its decision."""
    content = pictures.unlisted()
    answer = put(site.url("/files/unlisted.jpg"), content)
    file = site.published()["unlisted.jpg"]

    assert answer.status == 201
    assert file["sha256"] == sha256(content)
    assert decided(site, file["decision"])["verdict"] == "NO_MATCH"


def test_outcome_of_a_published_upload_is_recorded(site: Stage) -> None:
    """The record of a forwarded upload is followed by what the origin said."""
    put(site.url("/files/outcome.jpg"), pictures.unlisted(5003))
    decision = site.published()["outcome.jpg"]["decision"]
    records = running.wait_for(
        lambda: site.log("--id", decision, "--records", "outcome") or None,
        what="the outcome record",
    )

    assert [record["outcome"] for record in records] == [201]


def test_listed_picture_is_rejected_with_its_decision(site: Stage) -> None:
    """A listed file gets 403 and the id of a decision, and the origin gets nothing."""
    answer = put(site.url("/files/listed.jpg"), pictures.listed())
    record = decided(site, answer.json()["decision"])

    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "listed.jpg" not in site.published()
    assert (record["verdict"], record["effect"]) == ("MATCH", "REJECT")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(pictures.smaller, id="resized"),
        pytest.param(pictures.mirrored, id="mirrored"),
        pytest.param(pictures.turned, id="turned"),
    ],
)
def test_listed_picture_in_other_guise_is_rejected(
    site: Stage, make: Callable[[], bytes]
) -> None:
    """A picture that looks like the listed one is found by its perceptual signals."""
    content = make()
    answer = put(site.url("/files/guise.jpg"), content)
    record = decided(site, answer.json()["decision"])

    assert answer.status == 403
    assert not site.shows(sha256(content))
    assert isinstance(record["matches"], list)
    assert "pdq" in {match["signal_type"] for match in record["matches"]}


def test_chunked_body_is_inspected(site: Stage) -> None:
    """A body of unknown length is held and inspected like any other."""
    content = pictures.unlisted(5004)
    rejected = put_chunked(site.url("/files/chunked.jpg"), pictures.listed())
    accepted = put_chunked(site.url("/files/chunked.jpg"), content)

    assert (rejected.status, accepted.status) == (403, 201)
    assert site.published()["chunked.jpg"]["sha256"] == sha256(content)


def test_client_that_waits_for_100_continue_gets_it(site: Stage) -> None:
    """The interim answer comes, and the upload is decided afterwards."""
    answer = put(
        site.url("/files/expect.jpg"),
        pictures.unlisted(5005),
        *("-H", "Expect: 100-continue", "--expect100-timeout", "30"),
    )

    assert answer.interim == (100,)
    assert answer.status == 201


def test_form_is_published_with_its_fields(site: Stage) -> None:
    """A form is encoded again; names, values and files arrive unchanged."""
    content = pictures.unlisted(5006)
    answer = post_form(
        site.url("/upload"),
        {"name": "Zoë", "title": 'a "b" \\ c'},
        {"lake.jpg": content},
        *("-H", "Accept: application/json"),
    )

    assert answer.status == 201
    assert answer.json()["fields"] == {"name": "Zoë", "title": 'a "b" \\ c'}
    assert [file["sha256"] for file in answer.json()["files"]] == [sha256(content)]


def test_listed_picture_among_others_in_a_form_is_rejected(site: Stage) -> None:
    """One listed file keeps the whole form from the origin."""
    content = pictures.unlisted(5007)
    answer = post_form(
        site.url("/upload"),
        {"name": "Robin"},
        {"one.jpg": content, "two.jpg": pictures.listed(), "three.jpg": content},
    )

    assert answer.status == 403
    assert not site.shows(sha256(content))
    assert not site.shows(sha256(pictures.listed()))


def test_bomb_is_rejected(site: Stage) -> None:
    """A picture over a budget cannot be checked, so it does not pass."""
    content = bomb_png()
    answer = put(site.url("/files/bomb.png"), content)
    record = decided(site, answer.json()["decision"])

    assert answer.status == 403
    assert (record["verdict"], record["reason"]) == ("INCONCLUSIVE", "too_many_pixels")
    assert not site.shows(sha256(content))


def test_truncated_picture_is_rejected(site: Stage) -> None:
    """Half a picture is shown by browsers, so it does not pass unchecked."""
    content = truncated(pictures.unlisted(5008))
    answer = put(site.url("/files/half.jpg"), content)

    assert answer.status == 403
    assert not site.shows(sha256(content))


def test_what_is_no_picture_is_published(site: Stage) -> None:
    """A text without a picture passes."""
    answer = put(site.url("/files/notes.txt"), b"remember the milk\n")

    assert answer.status == 201


def test_all_rejections_look_alike(site: Stage) -> None:
    """The answers to a match and to a bomb differ only in the id of the decision."""
    answers = [
        put(site.url("/files/a.jpg"), pictures.listed()),
        put(site.url("/files/b.png"), bomb_png()),
    ]
    bodies = {
        answer.body.replace(answer.json()["decision"].encode(), b"ID")
        for answer in answers
    }

    assert len(bodies) == 1


def test_browser_gets_a_page(site: Stage) -> None:
    """A client that prefers HTML gets the same answer as a page."""
    answer = put(site.url("/files/a.jpg"), pictures.listed(), *HTML)

    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<!doctype html>" in answer.body.lower()


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("coding", CODERS)
def test_coded_body_is_inspected_as_what_it_is(site: Stage, coding: str) -> None:
    """A listed picture is rejected; the origin undoes the coding of another one."""
    named = ("-H", f"Content-Encoding: {coding}")
    listed, other = pictures.listed(), pictures.unlisted(5021)
    rejected = put(site.url(f"/files/a.{coding}"), CODERS[coding](listed), *named)
    accepted = put(site.url(f"/files/b.{coding}"), CODERS[coding](other), *named)

    assert rejected.status == 403
    assert not site.shows(sha256(listed))
    # This origin cannot undo zstd, and says so itself.
    assert accepted.status == (400 if coding == "zstd" else 201)
    assert coding == "zstd" or site.shows(sha256(other))


def test_file_in_base64_is_looked_at_decoded(site: Stage) -> None:
    """An option of curl encodes a file of a form, which some origins decode."""

    def sent(content: bytes) -> int:
        form = "file=@-;filename=a.jpg;type=image/jpeg;encoder=base64"
        return curl(site.url("/upload"), "-F", form, data=content).status

    assert sent(pictures.listed()) == 403
    assert sent(pictures.unlisted(5023)) != 403


@pytest.mark.parametrize("encoding", ["binary", "base64"])
def test_object_of_a_multipart_upload_of_google_is_inspected(
    site: Stage, encoding: str
) -> None:
    """Its description comes first, in JSON; the object may be in base64."""

    def sent(content: bytes) -> int:
        if encoding == "base64":
            content = base64.encodebytes(content).replace(b"\n", b"\r\n")
        body = (
            b"--=_x\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
            b'{"name": "a.jpg"}\r\n--=_x\r\nContent-Type: image/jpeg\r\n'
            b"Content-Transfer-Encoding: %s\r\n\r\n%s\r\n--=_x--"
        ) % (encoding.encode(), content)
        kind = ("-H", 'Content-Type: multipart/related; boundary="=_x"')
        return put(site.url("/files/google.jpg"), body, *kind).status

    assert sent(pictures.listed()) == 403
    assert sent(pictures.unlisted(5024)) == 201


@pytest.mark.parametrize("coding", CODERS)
def test_coding_that_is_not_kept_to_is_refused(site: Stage, coding: str) -> None:
    """Bytes that origins could decode differently get 415, whatever they are."""
    named = ("-H", f"Content-Encoding: {coding}")
    content = CODERS[coding](pictures.unlisted(5022)) + b"more"
    answer = put(site.url("/files/c.jpg"), content, *named)

    assert answer.status == 415
    assert not site.shows(sha256(content))


def test_requests_without_a_body_pass(site: Stage) -> None:
    """The site can be read through the proxy."""
    answer = curl(site.url("/gallery"))

    assert answer.status == 200
    assert b"Gallery" in answer.body


def test_decision_header_of_a_client_does_not_reach_the_origin(site: Stage) -> None:
    """Only the filter can set the header that the filter let an upload pass."""
    forged = ("-H", "Uploadfilter-Decision: forged")
    put(site.url("/files/forged.jpg"), pictures.unlisted(5009), *forged)

    assert site.published()["forged.jpg"]["decision"] != "forged"


def test_log_of_it_all_is_intact(site: Stage, tmp_path: Path) -> None:
    """The log of a running proxy verifies, and holds no name of a file."""
    put(site.url("/files/secret-name.jpg"), pictures.listed())
    done = running.run_program("verify", state=site.state)
    shown = tmp_path / "shown.jsonl"
    shown.write_text("\n".join(str(record) for record in site.log()))

    assert b"verified" in done.stdout
    assert "secret-name" not in shown.read_text()
    assert "secret-name" not in site.proxy.log.read_text()
