"""Messages between a template and the proxy."""

import pytest

from uploadfilter.scanners.wire.control import (
    MAX_REPORT_BYTES,
    Died,
    Forked,
    ForkRefused,
    Report,
    Started,
    Support,
    decode_report,
    encode_report,
)


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(
            Started(support=Support(seccomp=True, landlock_abi=7)), id="start"
        ),
        pytest.param(Forked(pid=4_194_304), id="birth"),
        pytest.param(ForkRefused(error="x" * (MAX_REPORT_BYTES // 4)), id="refusal"),
        pytest.param(Died(pid=1, code=-31, cpu_s=0.25), id="death"),
    ],
)
def test_report_arrives_as_it_was_sent(report: Report) -> None:
    """Every report fits into one packet, and comes out of it alike."""
    packet = encode_report(report)

    assert decode_report(packet) == report
    assert len(packet) <= MAX_REPORT_BYTES


@pytest.mark.parametrize(
    ("support", "lacks"),
    [
        (Support(seccomp=True, landlock_abi=1), ()),
        (Support(seccomp=True, landlock_abi=0), ("landlock",)),
        (Support(seccomp=False, landlock_abi=7), ("seccomp",)),
        (Support(seccomp=False, landlock_abi=0), ("seccomp", "landlock")),
    ],
)
def test_support_names_what_is_missing(
    support: Support, lacks: tuple[str, ...]
) -> None:
    """An operator gets the names of a machine's missing parts."""
    assert support.lacks == lacks
