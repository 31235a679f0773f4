"""The client of Nextcloud for desktops through the proxy, with its chunked uploads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.sites.behind import Behind, behind
from tests.sites.nextcloud import USER, nextcloud
from tests.sites.programs import debian, run

pytestmark = pytest.mark.e2e

ROUTE = '[[routes]]\nname = "cloud"\nprotocol = "nextcloud"\n'
CHUNK_BYTES = 20_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return a Nextcloud behind the proxy."""
    folder = tmp_path_factory.mktemp("nextcloud")
    config = folder / "config.toml"
    config.write_text(ROUTE)
    options = ("--config", str(config))
    with (
        nextcloud(folder) as (url, files),
        behind(url, stored=files, folder=folder, options=options) as site,
    ):
        yield site


def synchronised(site: Behind, home: Path, tree: Path, *, chunk: int) -> str:
    """Synchronise a folder as a person's client does; return what it says."""
    program = debian("nextcloudcmd", package="nextcloud-desktop-cmd")
    size = str(chunk)
    settings = {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        "OWNCLOUD_CHUNK_SIZE": size,
        "OWNCLOUD_MIN_CHUNK_SIZE": size,
        "OWNCLOUD_MAX_CHUNK_SIZE": size,
    }
    words = ("--user", USER, "--password", "none", "--non-interactive")
    done = run(program, *words, tree, site.proxy.url, env=settings, may_fail=True)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("chunk", [CHUNK_BYTES, 10**9], ids=["chunks", "whole"])
def test_folder_is_synchronised_except_a_listed_picture(
    site: Behind, tmp_path: Path, chunk: int
) -> None:
    """The client names the file that was refused, and sends the others."""
    tree = tmp_path / "tree"
    tree.mkdir()
    kept = pictures.unlisted(6601 + chunk % 7)
    (tree / f"boat-{chunk}.jpg").write_bytes(kept)
    (tree / "lake.jpg").write_bytes(pictures.listed())
    known = len(site.verdicts())
    said = synchronised(site, tmp_path, tree, chunk=chunk)

    assert (site.stored / f"boat-{chunk}.jpg").read_bytes() == kept, said
    assert "lake.jpg" in said
    assert "403" in said
    assert not site.holds(pictures.listed())
    verdicts = site.verdicts()[known:]
    assert (verdicts.count("MATCH"), "NO_MATCH" in verdicts) == (1, True), said
