"""The keyed hash of client addresses."""

import os
import stat
from pathlib import Path

import pytest

from tests.decisions.logs import DAY_S, Clock
from uploadfilter.decisions.files.clients import ClientHasher, client_network
from uploadfilter.errors import LogWriteError


def test_same_client_has_the_same_hash_within_a_day(tmp_path: Path) -> None:
    """Within a day, clients can be told apart and counted."""
    hasher = ClientHasher(tmp_path, clock=Clock())

    assert hasher.hash("192.0.2.1") == hasher.hash("192.0.2.1")
    assert hasher.hash("192.0.2.1") != hasher.hash("192.0.2.2")
    assert len(hasher.hash("192.0.2.1")) == 32


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:7:1::1", "2001:db8:7:2::9", True),
        ("2001:db8:7::1", "2001:db8:8::1", False),
    ],
)
def test_network_is_what_one_customer_may_have(
    tmp_path: Path, one: str, other: str, *, is_same: bool
) -> None:
    """Clients of one /48 have a network in common, and those of two have not."""
    hasher = ClientHasher(tmp_path, clock=Clock())

    assert hasher.hash(one) != hasher.hash(other)
    assert (hasher.hash_network(one) == hasher.hash_network(other)) is is_same
    assert hasher.hash_network(one) not in {None, hasher.hash(one)}


@pytest.mark.parametrize("address", ["192.0.2.1", "::ffff:192.0.2.1", "", "nobody77"])
def test_other_clients_have_no_network(tmp_path: Path, address: str) -> None:
    """An address of IPv4 is one client, and its neighbours are other people."""
    assert ClientHasher(tmp_path, clock=Clock()).hash_network(address) is None


def test_restart_keeps_the_key_of_the_day(tmp_path: Path) -> None:
    """A restart must not split a client in two."""
    before = ClientHasher(tmp_path, clock=Clock()).hash("192.0.2.1")

    assert ClientHasher(tmp_path, clock=Clock()).hash("192.0.2.1") == before


@pytest.mark.parametrize("shift", [DAY_S, -DAY_S], ids=["next-day", "clock-set-back"])
def test_another_day_has_another_key(tmp_path: Path, shift: float) -> None:
    """No client can be followed from one day to another."""
    clock = Clock()
    hasher = ClientHasher(tmp_path, clock=clock)
    before = hasher.hash("192.0.2.1")
    clock.now += shift

    assert hasher.hash("192.0.2.1") != before


def test_old_key_is_overwritten_in_place(tmp_path: Path) -> None:
    """With the disk in hand, the hashes of yesterday cannot be recomputed."""
    clock = Clock()
    hasher = ClientHasher(tmp_path, clock=clock)
    hasher.hash("192.0.2.1")
    file = tmp_path / "client-key"
    inode, key = file.stat().st_ino, file.read_bytes()
    clock.now += DAY_S
    hasher.hash("192.0.2.1")

    assert file.stat().st_ino == inode
    assert file.read_bytes()[8:] != key[8:]
    assert len(file.read_bytes()) == len(key)


def test_key_is_for_this_user_only(tmp_path: Path) -> None:
    """An owner of the key can try all addresses."""
    ClientHasher(tmp_path, clock=Clock()).hash("192.0.2.1")

    assert stat.S_IMODE((tmp_path / "client-key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"20261125", b"x" * 41, b"20261125" + b"k" * 33]
)
def test_damaged_key_is_replaced(tmp_path: Path, content: bytes) -> None:
    """A key file that a crash cut short does not stop the filter."""
    (tmp_path / "client-key").write_bytes(content)

    ClientHasher(tmp_path, clock=Clock()).hash("192.0.2.1")

    assert len((tmp_path / "client-key").read_bytes()) == 40


def test_entropy_is_asked_for_a_whole_key(tmp_path: Path) -> None:
    """The key has 256 bits from the given source."""
    asked: list[int] = []

    def entropy(count: int) -> bytes:
        asked.append(count)
        return os.urandom(count)

    ClientHasher(tmp_path, clock=Clock(), entropy=entropy).hash("192.0.2.1")

    assert asked == [32]


def test_key_that_cannot_be_kept_is_a_log_error(tmp_path: Path) -> None:
    """Without its key, hashes before and after a restart could not be compared."""
    hasher = ClientHasher(tmp_path / "missing", clock=Clock())

    with pytest.raises(LogWriteError, match="client-key"):
        hasher.hash("192.0.2.1")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", True, id="mapped"),
        pytest.param("192.0.2.1", "192.0.2.2", False, id="ipv4-whole"),
        pytest.param("2001:db8::1", "2001:db8::ffff:1", True, id="same-64"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="other-64"),
        pytest.param("fe80::1%eth0", "fe80::1", True, id="zone"),
        pytest.param("", "", True, id="unix-socket"),
        pytest.param("", "192.0.2.1", False, id="unix-socket-and-address"),
    ],
)
def test_client_network(one: str, other: str, is_same: bool) -> None:
    """IPv4 counts whole, IPv6 by its /64, IPv4 inside IPv6 as IPv4."""
    assert (client_network(one) == client_network(other)) is is_same


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.200", True),
        ("192.0.2.1", "::ffff:192.0.2.9", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:7::1", "2001:db8:7:ffff::1", True),
        ("2001:db8:7::1", "2001:db8:8::1", False),
    ],
)
def test_place_is_what_is_routed_by_itself(
    tmp_path: Path, one: str, other: str, *, is_same: bool
) -> None:
    """Addresses of one /24 or /48 are one place, whose hash is nobody's."""
    hasher = ClientHasher(tmp_path, clock=Clock())

    assert (hasher.hash_place(one) == hasher.hash_place(other)) is is_same
    assert hasher.hash_place(one) not in {hasher.hash(one), hasher.hash_network(one)}


@pytest.mark.parametrize("address", ["", "127.0.0.1", "::1", "::ffff:127.0.0.9", "x"])
def test_this_machine_is_no_place(tmp_path: Path, address: str) -> None:
    """It stands for all clients of a front end."""
    assert ClientHasher(tmp_path, clock=Clock()).hash_place(address) is None
