"""Synapse with the module of the page, which asks before media are stored."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.repository import ROOT
from tests.sites.asking import Asked, asked, block, module, without_set
from tests.sites.programs import short_folder
from tests.sites.synapse import Synapse, synapse

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "sites.md"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a folder for everything."""
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def home(folder: Path) -> Iterator[Synapse]:
    """Return a server that asks a filter, which may not be there."""
    code = block(PAGE, "python", holding="# Synapse")
    lines = block(PAGE, "yaml", holding="modules:")
    (folder / "uploadfilter_media.py").write_text(code)
    module(folder, str(folder / "api"))

    assert lines.split() == ["modules:", "-", "module:", "uploadfilter_media.Filter"]
    more = {"modules": [{"module": "uploadfilter_media.Filter"}]}
    with synapse(folder, more) as running:
        yield running


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Synapse]:
    """Return another server, which asks nobody."""
    with short_folder() as made, synapse(made, {}) as running:
        yield running


@pytest.fixture
def filter_(folder: Path, tmp_path: Path) -> Iterator[Asked]:
    """Run the filter that the server asks."""
    with asked(tmp_path, f"unix:{folder}/api") as running:
        yield running


def test_listed_upload_is_not_stored(home: Synapse, filter_: Asked) -> None:
    """The other one is stored and shown; both are on record, thumbnails are not."""
    refused = home.upload(pictures.listed())
    place = home.ask("/media/v1/create", "-X", "POST").json()["content_uri"]
    refused_late = home.upload(pictures.listed(), place)
    stored = home.upload(pictures.unlisted())
    shown = home.download(stored.json()["content_uri"])
    decisions = [it["effect"] for it in filter_.decisions()]

    assert (refused.status, refused_late.status, stored.status) == (400, 400, 200)
    assert (shown.status, shown.body) == (200, pictures.unlisted())
    assert pictures.unlisted() in home.stored("local_content")
    assert pictures.listed() not in home.stored("local_content")
    assert decisions == ["REJECT", "REJECT", "ACCEPT"]


def test_listed_media_of_another_server_are_not_fetched(
    home: Synapse, elsewhere: Synapse, filter_: Asked
) -> None:
    """Who opens it gets 404, and the server keeps no copy."""
    listed, other = (
        elsewhere.upload(it).json()["content_uri"]
        for it in (pictures.listed(), pictures.unlisted())
    )
    refused, shown = home.download(listed), home.download(other)

    assert elsewhere.download(listed).body == pictures.listed()
    assert (refused.status, shown.status) == (404, 200)
    assert shown.body == pictures.unlisted()
    assert pictures.unlisted() in home.stored("remote_content")
    assert pictures.listed() not in home.stored("remote_content")
    assert [it["effect"] for it in filter_.decisions()] == ["REJECT", "ACCEPT"]


def test_nothing_is_stored_that_is_not_decided_about(
    home: Synapse, elsewhere: Synapse, tmp_path: Path, folder: Path
) -> None:
    """It is an error that ends when there is a filter, with a reference set."""
    new, api = pictures.unlisted(5010), f"unix:{folder}/api"
    uri = elsewhere.upload(new).json()["content_uri"]
    alone = home.upload(new), home.download(uri)
    (tmp_path / "empty").mkdir()
    with without_set(tmp_path / "empty", api):
        undecided = home.upload(new), home.download(uri)
    kept = home.stored("local_content") + home.stored("remote_content")
    with asked(tmp_path, api):
        decided = home.upload(new), home.download(uri)

    assert [it.status for it in (*alone, *undecided)] == [503] * 4
    assert undecided[0].headers["retry-after"] == "10"
    assert new not in kept
    assert [it.status for it in decided] == [200, 200]
