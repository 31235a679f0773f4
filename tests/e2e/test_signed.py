"""From an issuer to a rejected upload, and from a withdrawal to its release."""

import contextlib
import hashlib
import json
import time
from pathlib import Path

import pytest

from deploy.demo import running
from hashsets.demo.make_demo import entry_of
from tests.e2e import pictures
from tests.e2e.conftest import stage
from tests.e2e.curl import put
from tests.issuing.offices import Office, line_of
from tests.syncing.sites import serving

pytestmark = pytest.mark.e2e

LISTED, LISTED_ID = pictures.listed(), "p-listed"


@pytest.mark.parametrize("by", ["stick", "server"])
def test_signed_set_rejects_until_an_entry_is_withdrawn(
    state: Path, tmp_path: Path, by: str
) -> None:
    """One officer withdraws, the operator syncs, and the running proxy lets it pass."""
    now_s = time.time()  # noqa: TID251 - the program looks at this clock
    office = Office(tmp_path / "office", epoch_s=now_s)
    listed = json.dumps(entry_of(LISTED, entry_id=LISTED_ID, category="1"))
    office.issue(listed, *(line_of(f"p-{number}", number) for number in range(20)))
    root = tmp_path / "root.json"
    root.write_bytes(office.root)
    digest = hashlib.sha256(office.root).hexdigest()

    served = serving if by == "server" else contextlib.nullcontext
    with served(office.served) as source, stage(tmp_path) as site:

        def hashset(*words: str) -> None:
            running.run_program("hashset", *words, state=state)

        def status_of(name: str) -> int:
            return put(site.url(f"/files/{name}"), LISTED).status

        assert status_of("before.png") == 201
        named = ("--name", "unit7", "--from", str(source), "--digest", digest)
        hashset("trust", str(root), *named, "--category", "1")
        running.wait_for(lambda: status_of("listed.png") == 403, what="a rejection")
        office.withdraw(LISTED_ID)
        hashset("sync")
        running.wait_for(lambda: status_of("released.png") == 201, what="a release")

        assert {"before.png", "released.png"} <= set(site.published())
        (rejected, *_) = site.log("--records", "decision", "--verdict", "match")
        assert rejected["matches"][0]["set"] == "unit7"
