"""The requirements on every ``Container``, for any bytes.

To have a container tested, describe it as a ``Subject`` and parametrise a test over
``CHECKS``::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_container_conforms(check: Check) -> None:
        check(MY_SUBJECT)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from uploadfilter.contents.members import Container, Member, Shortfall, UnpackMeter
from uploadfilter.contents.members import UnpackLimits as Limits
from uploadfilter.contents.source import MemorySource, PartSource, Source
from uploadfilter.model import Reason

MOST_CHUNK_BYTES = 1024 * 1024
"""Longest chunk that the protocol allows."""

_STEP = 97
"""Every how many bytes a file is cut off; prime, so that no structure hides."""

Unpacked = tuple[str, bytes, Reason | None]
"""Name, data, and why the data are not all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A container, with the known facts about it.

    Attributes:
        container: The container.
        members: Names and data of the members of each file.
        bomb: A file whose members give more than 8 MiB, from less than a hundredth;
            ``None`` if the container does not compress.
    """

    container: Container
    members: Mapping[bytes, tuple[tuple[str, bytes], ...]]
    bomb: bytes | None = None


Check = Callable[[Subject], None]


def unpack(
    container: Container, source: Source, meter: UnpackMeter
) -> Iterator[Unpacked]:
    """Yield everything a container gives; a shortfall in a place has no name."""
    for item in container.members(source, meter):
        yield gathered(item)


def gathered(item: Member | Shortfall) -> Unpacked:
    """Read a member to its end."""
    if isinstance(item, Shortfall):
        return "", b"", item.reason
    if not isinstance(item.content, Iterator):
        return item.name, item.content.read(0, item.content.size), None
    data, reason = bytearray(), None
    for chunk in item.content:
        assert reason is None, "a shortfall is the last item"
        if isinstance(chunk, Shortfall):
            reason = chunk.reason
        else:
            assert len(chunk) <= MOST_CHUNK_BYTES
            data += chunk
    return item.name, bytes(data), reason


def contents_of(
    container: Container, file: bytes, limits: Limits | None = None
) -> list[Unpacked]:
    """Return everything in a file."""
    return list(unpack(container, MemorySource(file), UnpackMeter(limits or Limits())))


def check_gives_what_was_put_in(subject: Subject) -> None:
    """A sound file gives its members, by name, whole and in order."""
    for file, members in subject.members.items():
        assert contents_of(subject.container, file) == [
            (name, data, None) for name, data in members
        ]


def check_reads_only_its_own_bytes(subject: Subject) -> None:
    """A file inside another source gives what it gives alone."""
    for file in subject.members:
        whole = MemorySource(b"before" + file + b"behind")
        part = PartSource(whole, len(b"before"), len(file))
        inside = list(unpack(subject.container, part, UnpackMeter(Limits())))

        assert inside == contents_of(subject.container, file)


def check_unpacks_nothing_unasked(subject: Subject) -> None:
    """Members can be listed without one byte being unpacked."""
    nothing = Limits(max_output_bytes=0)
    for file, members in subject.members.items():
        listed = list(
            subject.container.members(MemorySource(file), UnpackMeter(nothing))
        )

        assert all(isinstance(item, Member) for item in listed)
        assert len(listed) == len(members)


def check_survives_truncation(subject: Subject) -> None:
    """However early a file breaks off, the result is a value that says so."""
    for file in subject.members:
        for length in range(0, len(file), _STEP):
            for _ in unpack(
                subject.container, MemorySource(file[:length]), UnpackMeter(Limits())
            ):
                pass


def check_survives_mutation(subject: Subject) -> None:
    """Whatever is done to the bytes of a file, the result is a value."""

    @settings(max_examples=200, deadline=None)
    @given(file=mutations(list(subject.members)))
    def survives(file: bytes) -> None:
        small = Limits(max_output_bytes=4 * MOST_CHUNK_BYTES)
        contents_of(subject.container, file, small)

    survives()


def mutations(files: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy for files of which some bytes are not what they were."""
    place, length = st.integers(0, max(map(len, files))), st.integers(0, 4)
    piece = st.binary(max_size=4) | st.sampled_from([b"\0" * 4, b"\xff" * 4])
    edits = st.lists(st.tuples(place, length, piece), min_size=1, max_size=4)
    return st.builds(_edited, st.sampled_from(files), edits)


def _edited(file: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, piece in edits:
        file = file[:place] + piece + file[place + length :]
    return file


def check_stops_within_a_chunk_over_the_budget(subject: Subject) -> None:
    """Of a bomb no more is unpacked than the budget and one chunk."""
    if subject.bomb is None:
        return
    budget = 3 * MOST_CHUNK_BYTES
    items = contents_of(
        subject.container, subject.bomb, Limits(max_output_bytes=budget)
    )

    assert sum(len(data) for _, data, _ in items) <= budget + MOST_CHUNK_BYTES
    assert items[-1][2] is Reason.TOO_MANY_BYTES


CHECKS: tuple[Check, ...] = (
    check_gives_what_was_put_in,
    check_reads_only_its_own_bytes,
    check_unpacks_nothing_unasked,
    check_survives_truncation,
    check_survives_mutation,
    check_stops_within_a_chunk_over_the_budget,
)
