"""Which files a signed set has, and who may sign which."""

import pytest
from tuf.api.metadata import DelegatedRole

from uploadfilter.signedsets import roles


def believed_for(patterns: tuple[str, ...], path: str) -> bool:
    """Return whether TUF believes a role with these paths about a file."""
    role = DelegatedRole("r", [], 1, True, list(patterns))
    return role.is_delegated_path(path)


@pytest.mark.parametrize(
    "path",
    [
        roles.MANIFEST_PATH,
        roles.full_path(7, 0, 1),
        roles.full_path(7, 255, 256),
        roles.delta_path(6, 7),
    ],
)
def test_only_analysts_are_believed_about_additions(path: str) -> None:
    """A duty officer's signature is not valid for a file that can add."""
    assert believed_for(roles.HASHSET_PATHS, path)
    assert not believed_for(roles.REVOKE_PATHS, path)


def test_duty_officers_are_believed_about_withdrawals_only() -> None:
    """Only duty officers sign the list of withdrawals."""
    assert believed_for(roles.REVOKE_PATHS, roles.REVOKED_PATH)
    assert not believed_for(roles.HASHSET_PATHS, roles.REVOKED_PATH)


def test_names_of_files_are_made_of_numbers() -> None:
    """The names are those of the format, and the digest precedes the last part."""
    assert roles.full_path(7, 10, 256) == "full/7/0a.jsonl.gz"
    assert roles.full_path(7, 0, 1) == "full/7/all.jsonl.gz"
    assert roles.delta_path(6, 7) == "delta/6-7.jsonl.gz"
    assert roles.stored_name("full/7/0a.jsonl.gz", "ab") == "full/7/ab.0a.jsonl.gz"
    assert roles.stored_name("manifest.json", "ab") == "ab.manifest.json"


def test_every_shard_is_used() -> None:
    """Ids are spread over all shards, or over one if there is one."""
    ids = [f"p-{number}" for number in range(5000)]

    assert {roles.shard_of(i) for i in ids} == set(range(256))
    assert {roles.shard_of(i, 1) for i in ids} == {0}
    assert roles.shards_for(4096) == 1
    assert roles.shards_for(4097) == 256


@pytest.mark.parametrize(
    ("entries", "most"),
    [(0, 1), (9, 1), (20, 2), (100, 10), (10_000, 10), (50_000, 50), (10**7, 10_000)],
)
def test_one_duty_officer_cannot_switch_the_filter_off(entries: int, most: int) -> None:
    """It is a tenth of a small set a day, and a thousandth of a large one."""
    assert roles.most_withdrawn_a_day(entries) == most


@pytest.mark.parametrize("days", [0, -1, 4000])
def test_lifetimes_are_possible(days: int) -> None:
    """No signature is valid for no time, or for longer than people plan."""
    with pytest.raises(ValueError, match="lifetime"):
        roles.Lifetimes(online=days)
