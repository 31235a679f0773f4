"""``hashset canary``: what it says, and how it ends."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.issuing.offices import Office, line_of
from tests.proxy.site import site
from tests.syncing.moments import epoch_s
from tests.syncing.sites import Site
from uploadfilter.model import Action, Mode, Verdict
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets.canaries import CanaryOutcome, ListedCanaries, faults

BOTH = (("unit7", canaries.EXACT), ("unit7", canaries.NEAR))


def seen(
    *,
    mode: Mode = Mode.ENFORCE,
    effect: Action = Action.REJECT,
    matched: tuple[tuple[str, str], ...] = BOTH,
) -> CanaryOutcome:
    """Make what came of a canary."""
    return CanaryOutcome(
        id="d",
        at=1,
        instance="main",
        route="default",
        mode=mode,
        generation=1,
        verdict=Verdict.MATCH,
        effect=effect,
        matched=matched,
    )


@pytest.mark.parametrize(
    ("of", "is_rejected", "enforced", "said"),
    [
        (seen(), True, True, ()),
        (seen(), False, True, ("it matched, and was not rejected: REJECT",)),
        (
            seen(effect=Action.ACCEPT),
            False,
            True,
            ("it matched, and was not rejected: ACCEPT",),
        ),
        (seen(effect=Action.ACCEPT), False, False, ()),
        (seen(mode=Mode.MONITOR, effect=Action.ACCEPT), False, True, ()),
        (seen(matched=BOTH[:1]), True, True, ("canary-near did not match",)),
        (
            seen(matched=(("other", canaries.EXACT), ("other", canaries.NEAR))),
            True,
            False,
            ("canary-exact did not match", "canary-near did not match"),
        ),
    ],
)
def test_faults_of_a_set(
    of: CanaryOutcome, is_rejected: bool, enforced: bool, said: tuple[str, ...]
) -> None:
    """Both entries match, and are rejected where mode and set say so."""
    listed = ListedCanaries(set="unit7", ids=canaries.IDS, enforced=enforced)

    assert faults(listed, of, is_rejected=is_rejected) == said


async def test_command_through_the_front_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without canaries nothing is checked; with them each set; and who is down."""
    state = tmp_path / "state"
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(state))
    office = Office(tmp_path / "office", epoch_s=epoch_s())
    office.issue(line_of("a", 1))
    operator = Site(state, office)
    operator.sync()

    async def typed(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = await asyncio.to_thread(run, monkeypatch, "hashset", "canary", *words)
        return (code, *capfd.readouterr())

    async with site(state, listed=None) as it:
        code, _, said = await typed()
        assert code == 1
        assert "unit7 has no canary" in said
        assert "nothing was checked" in said
        assert (await typed("--if-any"))[0] == 0
        office.canaries = canaries.entries()
        office.issue()
        operator.sync()
        code, out, _ = await typed()
        assert (code, "unit7: found" in out) == (0, True)
        capfd.readouterr()
        await asyncio.to_thread(run, monkeypatch, "hashset", "list", "unit7")
        assert "canary       found" in capfd.readouterr().out
        code, out, _ = await typed("--json", "--url", f"http://127.0.0.1:{it.port}/x")
        (door,) = json.loads(out.splitlines()[-1])["doors"]
        assert (code, door["status"], door["effect"]) == (0, 403, "REJECT")
        (state / "canary.key").rename(state / "kept.key")
        (state / "canary.key").write_bytes(bytes(32))
        code, out, _ = await typed()
        assert code == 1
        assert "answered 400, but no proxy of this state directory saw it" in out
        assert it.origin.got == []
    (state / "canary.key").unlink()
    code, out, _ = await typed()
    assert (code, "no proxy of this release" in out) == (1, True)
    (state / "kept.key").rename(state / "canary.key")
    code, out, _ = await typed()
    assert (code, "no answer from" in out) == (1, True)
    assert (await typed("--url", "nowhere"))[0] == 2
