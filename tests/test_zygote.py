"""The templates that tests get, beside those that a service starts."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.zygote import zygotes
from uploadfilter.scanners.pool import launching, process
from uploadfilter.scanners.pool.launching import Child, ProcessSettings
from uploadfilter.scanners.pool.process import Template

SETTINGS = ProcessSettings(address_space=512 << 20, large_address_space=768 << 20)

ALIKE = (
    *("NoNewPrivs", "Seccomp", "Seccomp_filters", "Threads", "SigIgn", "SigBlk"),
    *("Uid", "Groups", "CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"),
)
"""Lines of ``/proc/PID/status`` that say what a process may do."""


def rights(pid: int, parent: int) -> dict[str, object]:
    """Return what a process may do, how it is limited, and whose child it is."""
    folder = Path(f"/proc/{pid}")
    lines = (folder / "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return {
        **{name: status.get(name) for name in ALIKE},
        "limits": (folder / "limits").read_text(),
        "oom": (folder / "oom_score_adj").read_text(),
        "is child": int(status["PPid"]) == parent,
        "leads a session": os.getsid(pid) == pid,
    }


async def rights_of_both(
    monkeypatch: pytest.MonkeyPatch, spawn: Callable[[ProcessSettings], Child]
) -> tuple[dict[str, object], ...]:
    """Return the rights of a template and of its scanner."""
    monkeypatch.setattr(process, "spawn", spawn)
    template = await Template.start(SETTINGS)
    try:
        scanner = await template.fork()
        return rights(template.pid, os.getpid()), rights(scanner.pid, template.pid)
    finally:
        await template.end()


async def test_forked_template_may_do_what_a_started_one_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A test with a template from a zygote proves what it would prove with another."""
    with zygotes() as spawn:
        forked = await rights_of_both(monkeypatch, spawn)
    started = await rights_of_both(monkeypatch, launching.spawn)

    assert forked == started
