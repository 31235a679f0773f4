"""An issuer who is attacked, a stick and a server that lie: the set in force stays.

Each test ends with the same three facts: the right error, a hint, and the entries that
were in force before.
"""

import contextlib
import gzip
import os
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tuf.api.metadata import Root, TargetFile

from tests.issuing.offices import HOLDERS, Office, line_of
from tests.signedsets.keys import holders, signer
from tests.syncing.sites import send, serving
from tests.syncing.trusted import ALL, Case
from uploadfilter.errors import (
    HashSetBusyError,
    HashSetError,
    HashSetFormatError,
    HashSetSourceError,
    HashSetTrustError,
    UsageError,
)
from uploadfilter.issuing import holding
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.roles import (
    HASHSET,
    REVOKE,
    REVOKED_PATH,
    ROOT,
)
from uploadfilter.syncing.client import MOST_WITHDRAWALS_BYTES
from uploadfilter.syncing.fetching import HTTPFetcher


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return an issuer and an operator who has synced once, made for all tests."""
    return Case(tmp_path_factory.mktemp("case"))


@pytest.fixture
def case(tmp_path: Path, first: Case) -> Case:
    """Return an issuer and a separate operator."""
    return first.again(tmp_path)


def test_old_stick(case: Case) -> None:
    """A set of last week is refused after a newer one was taken."""
    case.copy()
    case.office.renew()
    case.site.sync()

    case.refused(HashSetTrustError, "older than the set")


def test_old_stick_after_the_state_was_lost(case: Case) -> None:
    """Without python-tuf's files, the set in force still states its number."""
    case.copy()
    case.office.issue(line_of("p-3", 3), line_of("p-4", 77))
    case.site.sync()
    shutil.rmtree(case.site.trusted.path)
    case.site.trusted.trust(case.office.root, str(case.stick))

    case.refused(HashSetTrustError, "older than number 2")


def test_mixture_of_two_publications(case: Case) -> None:
    """A newest timestamp with older files is refused, and so is the reverse."""
    old = case.path / "old"
    shutil.copytree(case.office.served, old)
    case.office.issue(line_of("new", 50))
    case.copy()
    for name in ("timestamp.json",):
        shutil.copy(case.stick / "metadata" / name, old / "metadata" / name)

    case.refused(HashSetSourceError, "missing", str(old))


def test_metadata_of_another_version_under_its_name(case: Case) -> None:
    """An older list under the name of the newer one is recognised by its version."""
    case.office.issue(line_of("new", 50))
    case.copy()
    folder = case.stick / "metadata"
    shutil.copy(folder / "1.hashset.json", folder / "2.hashset.json")

    case.refused(HashSetTrustError, "older than the set|damaged")


@pytest.mark.parametrize(
    "names", [("dora",), ("dora", "dora"), ("fay", "machine"), ("dora", "ann"), ()]
)
def test_too_few_signatures(case: Case, names: tuple[str, ...]) -> None:
    """One analyst, one twice, other roles, or nobody: these are not two analysts."""
    case.copy()
    add = ops.packed([b'{"op":"add","id":"evil"}\n'])
    listing = case.listing(HASHSET, full__9__all_jsonl_gz=add)
    for name in names:
        listing.sign(signer(name), append=True)
    case.put(HASHSET, listing)

    case.refused(HashSetTrustError, "too few")


def test_stolen_withdrawal_key_cannot_add(case: Case) -> None:
    """A duty officer's signature on the set does not count."""
    case.copy()
    listing = case.listing(REVOKE, **{"manifest.json": b"{}", "revoke__x": b""})
    listing.sign(signer("fay"))
    case.put(REVOKE, listing)

    # The manifest stays the analysts'; the list itself has gone.
    case.refused(HashSetTrustError, "no role that may sign revoke")


def test_list_of_withdrawals_that_adds(case: Case) -> None:
    """A list with an addition is refused even if it is signed correctly."""
    case.copy()
    data = ops.packed([b'{"op":"add","id":"evil","category":"1"}\n'])
    listing = case.listing(REVOKE, **{REVOKED_PATH: data})
    listing.sign(signer("fay"))
    case.put(REVOKE, listing)

    case.refused(HashSetFormatError, "a list of withdrawals, but adds 1")


def test_stolen_withdrawal_key_cannot_switch_the_filter_off(case: Case) -> None:
    """Of a list of all entries, a day's part takes effect, and the rest is reported."""
    case.copy()
    data = ops.packed(sorted(map(ops.deletion, ALL)))
    listing = case.listing(REVOKE, **{REVOKED_PATH: data})
    listing.sign(signer("fay"))
    case.put(REVOKE, listing)
    report = case.site.sync(source=str(case.stick))

    assert (report.withdrawn, report.status.held_back) == (2, 18)
    again = case.site.sync(source=str(case.stick))
    assert (again.withdrawn, again.status.held_back) == (0, 18)
    assert case.site.ids() == ALL - {"p-0", "p-1"}


def test_bomb_in_the_list_of_withdrawals(case: Case) -> None:
    """A list that unpacks to more than the limit is read only up to the limit."""
    case.copy()
    zeros = gzip.compress(bytes(1 << 20)) * 1
    listing = case.listing(REVOKE, **{REVOKED_PATH: zeros})
    listing.sign(signer("fay"))
    case.put(REVOKE, listing)

    case.refused(HashSetFormatError, "its last line has no end")


@pytest.mark.parametrize("data", [bytes, os.urandom])
def test_list_of_withdrawals_has_a_bound_of_its_own(
    case: Case, data: Callable[[int], bytes]
) -> None:
    """One person signs it, so its limit is far below that of a set."""
    case.copy()
    listing = case.listing(
        REVOKE, **{REVOKED_PATH: gzip.compress(data(MOST_WITHDRAWALS_BYTES + 1), 1)}
    )
    listing.sign(signer("fay"))
    case.put(REVOKE, listing)

    error = case.refused(HashSetFormatError, "more than 16,777,216|would have 16,7")
    assert "may be stolen" in error.hint


def test_huge_counts_in_the_manifest(case: Case) -> None:
    """Impossible numbers are refused before memory is reserved for them."""
    case.copy()
    text = (
        b'{"format":1,"set":"x","issuer":"y","sequence":9007199254740991,'
        b'"entries":5,"categories":{},"full":{"sequence":1,"shards":1,"entries":5},'
        b'"deltas":[]}'
    )
    listing = case.listing(HASHSET, **{"manifest.json": text})
    for name in ("dora", "eve"):
        listing.sign(signer(name), append=True)
    case.put(HASHSET, listing)

    case.refused(HashSetFormatError, "manifest")


def test_length_that_no_file_has(case: Case) -> None:
    """A manifest that would be larger than any real one is not fetched."""
    case.copy()
    listing = case.listing(HASHSET, **{"manifest.json": b"{}"})
    listing.signed.targets["manifest.json"].length = 1 << 40
    for name in ("dora", "eve"):
        listing.sign(signer(name), append=True)
    case.put(HASHSET, listing)

    case.refused(HashSetTrustError, "differs from the signed one")


def test_names_that_lead_elsewhere(case: Case) -> None:
    """Metadata may list files with other names, and they are never fetched."""
    case.copy()
    names = ("../../etc/passwd", "/etc/passwd", "full/1/../../../x")
    listing = case.listing(HASHSET)
    listing.signed.targets = {
        name: TargetFile.from_data(name, b"x", ["sha256"]) for name in names
    }
    for name in ("dora", "eve"):
        listing.sign(signer(name), append=True)
    case.put(HASHSET, listing)

    case.refused(HashSetTrustError, "no role that may sign manifest.json")


@pytest.mark.parametrize(
    "name", ["metadata/timestamp.json", "metadata", "targets/revoke", "targets"]
)
def test_links_on_a_stick(case: Case, name: str) -> None:
    """No link is followed, even if its target would verify."""
    case.office.withdraw("p-1")
    case.copy()
    (case.stick / name).rename(case.path / "aside")
    (case.stick / name).symlink_to(case.path / "aside")

    case.refused(HashSetSourceError, "link")


@pytest.mark.parametrize("kind", ["fifo", "folder", "missing", "garbage", "empty"])
def test_other_things_on_a_stick(case: Case, kind: str) -> None:
    """A pipe never blocks a sync, and data that is not metadata is reported."""
    case.copy()
    place = case.stick / "metadata" / "timestamp.json"
    place.unlink()
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    elif kind != "missing":
        place.write_bytes(b"\xff" * 100 if kind == "garbage" else b"")

    case.refused(HashSetError, "cannot be|link|damaged|not a regular file|more than")


def test_changed_byte(case: Case) -> None:
    """A file with one changed byte differs from the signed one."""
    case.office.issue(line_of("new", 50))
    case.copy()
    (delta,) = (case.stick / "targets" / "delta").iterdir()
    data = bytearray(delta.read_bytes())
    data[len(data) // 2] ^= 1
    delta.write_bytes(bytes(data))

    case.refused(HashSetTrustError, "differs from the signed one")


def test_ended_signatures(tmp_path: Path) -> None:
    """An expired set is not taken, and the set in force stays."""
    case = Case(tmp_path)
    case.office.epoch_s -= 40 * 86_400
    case.office.renew()
    case.copy()

    case.refused(HashSetTrustError, "the signatures have ended")


def test_clock_set_back(case: Case) -> None:
    """A clock that is days behind would take expired data for fresh."""
    case.site.epoch_s -= 3 * 86_400
    case.copy()

    case.refused(HashSetTrustError, "3 days behind")


def test_two_syncs_at_once(case: Case) -> None:
    """The second one is told to wait, and changes nothing."""
    with case.site.trusted.locked(), pytest.raises(HashSetBusyError, match="another"):
        case.site.sync()

    assert case.site.ids() == ALL


def test_root_of_somebody_else(case: Case) -> None:
    """Another root replaces the trusted one only on request."""
    other = Office(
        case.path / "other",
        epoch_s=case.office.epoch_s,
        roles=HOLDERS | {ROOT: holders(1, "mallory")},
    )
    (other.folder.proposal / "root.json").rename(case.path / "root.json")
    root = md.parsed((case.path / "root.json").read_bytes(), Root)
    root.sign(signer("mallory"))

    with pytest.raises(HashSetTrustError, match="another root is trusted"):
        case.site.trusted.trust(md.written(root), "x")
    assert case.site.ids() == ALL


def test_root_rotation_with_a_lost_key(case: Case) -> None:
    """Two of three holders replace the third, and operators accept this root."""
    changed = HOLDERS | {
        ROOT: holders(2, "ann", "bob", "ned"),
        HASHSET: holders(2, "gus", "hal"),
    }
    holding.propose_holders(
        case.office.folder, case.office.now, changed, epoch_s=case.office.epoch_s
    )
    case.office.sign("ann", "bob", "gus", "hal")
    case.office.publish()
    case.office.issue(line_of("new", 50), names=("gus", "hal"))
    report = case.site.sync()

    assert case.site.ids() == ALL | {"new"}
    assert report.status.signers == ("gus", "hal")
    assert report.status.versions[ROOT] == 2


def test_root_that_only_the_new_holders_signed(case: Case) -> None:
    """A root without the signatures of the old holders is not followed."""
    case.copy()
    top = holders(2, "mal", "mel")
    roles = dict.fromkeys((ROOT, "targets"), top) | {
        role: holders(1, "mal") for role in ("snapshot", "timestamp")
    }
    root = md.new_root(
        roles,
        version=2,
        expires=datetime.fromtimestamp(case.office.epoch_s + 864_000, UTC),
    )
    for name in ("mal", "mel"):
        root.sign(signer(name), append=True)
    (case.stick / "metadata" / "2.root.json").write_bytes(md.written(root))

    case.refused(HashSetTrustError, "too few")


def endless(handler: BaseHTTPRequestHandler, path: Path) -> None:
    """Send a file, and then more, without an end."""
    if path.name != "timestamp.json":
        send(handler, path)
        return
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(10_000):
            handler.wfile.write(b"x" * 65_536)


def slow(handler: BaseHTTPRequestHandler, path: Path) -> None:
    """Send the beginning of a file, and then nothing."""
    if path.name != "timestamp.json":
        send(handler, path)
        return
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(path.read_bytes()[:10])
    handler.wfile.flush()
    threading.Event().wait(0.6)


def elsewhere(handler: BaseHTTPRequestHandler, _path: Path) -> None:
    """Send the client somewhere else."""
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:1/")
    handler.end_headers()


def broken(handler: BaseHTTPRequestHandler, path: Path) -> None:
    """Hang up in the middle of a file."""
    if path.name != "timestamp.json":
        send(handler, path)
        return
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(path.read_bytes()[:10])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (endless, "sends more bytes than were signed"),
        (slow, "too slow"),
        (elsewhere, "302"),
        (broken, "cannot be read|damaged"),
    ],
)
def test_server_that_lies(
    case: Case,
    answer: Callable[[BaseHTTPRequestHandler, Path], None],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It sends endlessly, slowly, a redirect, or a part: each has its error."""
    monkeypatch.setattr(
        "uploadfilter.syncing.fetching.HTTPFetcher", lambda: HTTPFetcher(wait_s=0.3)
    )
    case.copy()
    with serving(case.stick, answer) as url:
        case.refused(HashSetError, words, url)


def test_stick_that_is_not_there(case: Case) -> None:
    """It is on the list of sets, as every other failure: a timer has no reader."""
    with pytest.raises(UsageError, match="is not a folder"):
        case.site.sync(source=str(case.path / "gone"))

    assert case.site.ids() == ALL
    failure = case.site.status.failure
    assert failure is not None
    assert "is not a folder" in failure.text


def test_server_that_is_not_there(case: Case) -> None:
    """No connection is an error, with the network in its hint."""
    with serving(case.path) as url:
        pass

    case.refused(HashSetSourceError, "cannot be read", url)


def test_issuer_may_be_attacked_and_recover(case: Case) -> None:
    """After all attacks, an honest publication is taken as usual."""
    case.copy()
    (case.stick / "metadata" / "timestamp.json").write_bytes(b"{}")
    case.refused(HashSetError, "damaged")
    case.office.issue(line_of("new", 50))
    case.site.sync()

    assert case.site.ids() == ALL | {"new"}
    assert case.site.status.failure is None
