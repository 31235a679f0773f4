"""Sealed evidence of rejected uploads, through the whole filter."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import pictures
from tests.proxy.site import CLOSE, Site, exact_entry, settings, site
from tests.proxy.wire import status
from tests.sealing.rings import holders, ring
from uploadfilter.decisions.records.sealed import SealFault
from uploadfilter.inspection import sealing
from uploadfilter.model import Mode
from uploadfilter.sealing.envelope import MOST_TEXT, opened
from uploadfilter.sealing.folder import EvidenceFolder
from uploadfilter.sealing.settings import SealedEvidenceSettings

LISTED = pictures.jpeg(pictures.photograph(1, width=64, height=48))
OTHER = pictures.jpeg(pictures.photograph(2, width=64, height=48))
PUBLIC, PRIVATE = holders(2)
LOCAL = (ip_network("127.0.0.0/8"),)
SEALED = SealedEvidenceSettings(
    recipients=tuple(it.text for it in PUBLIC),
    needed=2,
    categories=("a",),
    account_header="X-Account",
    port_header="X-Client-Port",
    reserve_bytes=0,
)


def folder_of(state: Path) -> Path:
    """Return the folder of sealed files."""
    return state / "instances" / "main" / "evidence"


def files(state: Path) -> dict[str, bytes]:
    """Return the sealed files by the ids of their decisions."""
    found = folder_of(state).glob("*.sealed")
    return {it.stem: it.read_bytes() for it in found}


def sealed_before_a_restart(state: Path) -> str:
    """Leave a file of today; return the id of its decision."""
    name = f"{datetime.now(UTC):%Y%m%d}-{'0' * 20}"  # noqa: TID251 - as the proxy's
    EvidenceFolder(folder_of(state)).write(name, b"sealed")
    return name


def text_of(data: bytes) -> Mapping[str, Any]:
    """Open a sealed file with both keys."""
    _, text = opened(data, ring(*PRIVATE))
    found: Mapping[str, Any] = json.loads(text)
    return found


async def put(it: Site, *headers: bytes) -> int:
    """Upload the listed picture, with further headers."""
    lines = b"".join(header + b"\r\n" for header in headers)
    head = b"PUT /x HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n"
    return status(await it.send(head % (CLOSE, lines, len(LISTED)), LISTED))


async def test_rejected_upload_leaves_a_file_that_only_the_keys_open(
    tmp_path: Path,
) -> None:
    """The record names its digest or the used quota; trusted headers are believed."""
    evidence = replace(SEALED, client_files_a_day=2, files_a_day=4)
    before = sealed_before_a_restart(tmp_path)
    changes = {"sealed_evidence": evidence, "trusted_proxies": LOCAL}
    async with site(tmp_path, listed=[exact_entry(1, LISTED)], **changes) as it:
        told = (b"X-Forwarded-For: 203.0.113.9", b"X-Client-Port: 4711")
        assert await put(it, *told, b"X-Account: ann@example") == 403
        assert await put(it, *told, b"X-Account: ann@example", b"X-Account: bob") == 403
        assert await put(it, *told) == 403
        for _ in range(2):
            assert await put(it, b"X-Forwarded-For: 203.0.113.8") == 403
        assert status(await it.put(b"an unlisted text")) == 200
        decisions = it.decisions()
        assert it.service is not None
        exposed = it.service.watched.metrics.exposition().decode()

    sealed = {key: data for key, data in files(tmp_path).items() if key != before}
    first, second = decisions[:2]
    assert [it.sealed and it.sealed.fault for it in decisions] == [
        *(None, None, SealFault.CLIENT_QUOTA),
        *(None, SealFault.DAY_QUOTA, None),
    ]
    assert sorted(sealed) == sorted(decisions[n].id for n in (0, 1, 3))
    assert first.sealed is not None
    assert first.sealed.sha256 == hashlib.sha256(sealed[first.id]).hexdigest()
    assert decisions[-1].sealed is None
    text = text_of(sealed[first.id])
    assert (text["address"], text["port"], text["account"]) == (
        *("203.0.113.9", 4711),
        "ann@example",
    )
    assert (text["peer"], text["decision"], text["route"]) == (
        *("127.0.0.1", first.id),
        "default",
    )
    assert text["matches"] == [{"set": "demo", "entry": "entry-1", "category": "a"}]
    assert text_of(sealed[second.id])["account"] is None  # one of them may be forged
    for data in sealed.values():
        assert b"203.0.113.9" not in data
        assert b"ann@example" not in data
    assert 'uploadfilter_sealed_evidence_total{result="sealed"} 3.0' in exposed


async def test_claims_of_a_client_are_no_evidence_and_faults_are_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers of an untrusted peer are ignored; the port is the connection's.

    An upload is rejected also if nothing can be sealed, and the record says why.
    Nothing is kept of another category, or of an upload that is not rejected.
    """
    listed = [exact_entry(1, LISTED), replace(exact_entry(2, OTHER), category="b")]
    async with site(tmp_path, listed=listed, sealed_evidence=SEALED) as it:
        assert await put(it, b"X-Account: ann", b"X-Client-Port: 1") == 403
        (data,) = files(tmp_path).values()
        assert status(await it.put(OTHER)) == 403
        monkeypatch.setattr(EvidenceFolder, "free_bytes", lambda _: -1)
        assert await put(it) == 403
        monkeypatch.undo()
        shutil.rmtree(folder_of(tmp_path))
        folder_of(tmp_path).write_text("in the way")
        assert await put(it) == 403
        assert it.service is not None
        in_force = it.service.watched.in_force
        await in_force.replace(
            settings(tmp_path, it.origin.url, mode=Mode.MONITOR).live
        )
        assert await put(it) == 200
        decisions = it.decisions()
    text = text_of(data)
    assert text["account"] is None
    assert text["address"] == text["peer"] == "127.0.0.1"
    assert text["port"] == text["peer_port"] > 1
    faults = [it.sealed and it.sealed.fault for it in decisions]
    assert faults == [None, None, SealFault.NO_ROOM, SealFault.NOT_WRITTEN, None]
    assert [it.sealed is None for it in decisions] == [False, True, False, False, True]


def test_longest_text_fits_its_bound() -> None:
    """The longest account is sealed with as many entries as fit, and never refused."""
    entry = sealing.MatchedEntry(set="s" * 64, entry="\t" * 128, category="c" * 64)
    text = sealing.EvidenceText(
        format=1,
        decision="20261125-0123456789abcdef0123",
        time="2026-11-25T00:00:00.000000+00:00",
        instance="i" * 64,
        route="r" * 64,
        address="a" * 45,
        port=65535,
        peer="a" * 45,
        peer_port=65535,
        account="\U0001f600" * sealing.MOST_ACCOUNT,
        matches=(entry,) * sealing.MOST_MATCHES,
    )
    assert len(sealing.encoded(text)) <= MOST_TEXT
