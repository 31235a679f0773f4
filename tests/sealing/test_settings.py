"""Settings of sealed evidence: off by default, and refused if they make no sense."""

from typing import Any

import pytest

from tests.sealing.rings import holders
from uploadfilter.sealing.settings import SealedEvidenceSettings

KEYS = tuple(it.text for it in holders(6)[0])


def test_nothing_is_kept_by_default() -> None:
    """An operator who names no recipient keeps no evidence."""
    assert not SealedEvidenceSettings().enabled


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipients": KEYS}, "recipients must be at most 5, not 6"),
        ({"recipients": KEYS[:1] * 2}, "recipients must be different keys"),
        ({"recipients": ("x",)}, "64 hex digits"),
        ({"categories": ()}, "categories must name at least one"),
        ({"categories": ("a",) * 51}, "categories must be at most 50"),
        ({"needed": 3}, "needed must be from 1 to the number of recipients, not 3"),
        ({"needed": 0}, "needed must be from 1"),
        ({"keep_days": 0}, "keep_days must be from 1 to 3650, not 0"),
        ({"files_a_day": 0}, "files_a_day must be from 1"),
        ({"client_files_a_day": 10**7}, "client_files_a_day must be from 1"),
        ({"reserve_bytes": -1}, "reserve_bytes must be at least 0"),
        ({"account_header": "X Account"}, "account_header must be the name of a"),
        ({"port_header": "X:Port"}, "port_header must be the name of a header"),
    ],
)
def test_senseless_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    """The message names the key, the value and the allowed ones."""
    usable: dict[str, Any] = {"recipients": KEYS[:2], "categories": ("a",)}
    assert SealedEvidenceSettings(**usable).enabled
    with pytest.raises(ValueError, match=words):
        SealedEvidenceSettings(**{**usable, **changes})
