"""Searches in a content, their limits, and the reasons for the rest."""

import base64
import gzip
import io
import random
import struct
import tarfile
import textwrap
import zipfile
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from tests.corpus import pictures
from tests.corpus.tricks import archives as made
from tests.scanners.inside.walking.zips import zip_of
from tests.scanners.scans import parts_of, scanned
from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ProcessKind

PHOTO = pictures.photograph(1, width=160, height=120)
OTHER = pictures.photograph(2, width=160, height=120)
JPEG = pictures.jpeg(PHOTO)
PNG = pictures.png(OTHER)
NOISE = bytes(range(256)) * 64


def stored_zip_of(**members: bytes) -> bytes:
    """Return an archive of members that lie in it as they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tar_of(*members: tuple[str, bytes]) -> bytes:
    """Return a tar file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            head = tarfile.TarInfo(name)
            head.size = len(data)
            archive.addfile(head, io.BytesIO(data))
    return file.getvalue()


def brotli_of(data: bytes) -> bytes:
    """Return a Brotli stream that begins with 16 KiB of text, which are passed over."""
    skipped = b"L  " + b"a" * ((0x20 << 9 | 0x20 << 1) + 1)
    stored = ((len(data) - 1) << 3 | 1 << 19).to_bytes(3, "little")
    return skipped + stored + data + b"\3"


def found(scan: Scan) -> dict[str, list[str]]:
    """Return the names of the views of every content that has some."""
    return {
        each.path: [view.name for view in each.views]
        for each in scan.walk()
        if each.views
    }


def reasons(scan: Scan) -> dict[str, Reason]:
    """Return the reasons of every content that has one."""
    return {each.path: each.reason for each in scan.walk() if each.reason is not None}


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        pytest.param(JPEG, ["0"], id="picture"),
        pytest.param(zip_of(a=JPEG), ["0!/a"], id="zip"),
        pytest.param(stored_zip_of(a=JPEG, b=PNG), ["0!/a", "0!/b"], id="stored"),
        pytest.param(tar_of(("a", JPEG)), ["0!/a"], id="tar"),
        pytest.param(gzip.compress(tar_of(("a", PNG))), ["0!/1!/a"], id="tar-gz"),
        pytest.param(JPEG + PNG, ["0", "0!/embedded:1"], id="second-after-first"),
        pytest.param(NOISE + JPEG + PNG, ["0!/embedded:1", "0!/embedded:2"], id="junk"),
        pytest.param(
            pictures.thumbnailed_jpeg(PHOTO, OTHER), ["0", "0!/thumb:1"], id="thumbnail"
        ),
    ],
)
def test_picture_is_found_wherever_it_stands(content: bytes, paths: list[str]) -> None:
    """Archives, streams, junk and metadata hide nothing."""
    scan = scanned(content)

    assert list(found(scan)) == paths
    assert reasons(scan) == {}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"image": "%s"}', id="json"),
        pytest.param('<img src="data:image/png;base64,%s">', id="html"),
        pytest.param("<value><base64>%s</base64></value>", id="xml"),
    ],
)
def test_picture_in_text_is_a_nested_content(text: str) -> None:
    """Encoded files in a text are decoded, with their digests."""
    content = (text % base64.b64encode(PNG).decode()).encode()
    scan = scanned(content)
    (nested,) = [each for each in scan.contents if each.views]

    assert nested.kind == "png"
    assert nested.size == len(PNG)
    assert [signal.type.value for signal in nested.exact] == ["md5", "sha1", "sha256"]


def test_wrong_reading_of_a_string_is_no_reason() -> None:
    """Where one reading is sound, another one that is nonsense was wrong."""
    sound = base64.b64encode(PNG).decode()
    garbled = base64.b64encode(PNG[:600] + bytes(900) + PNG[1500:]).decode()
    scan = scanned(f"{garbled} {sound}".encode())

    assert {each.size for each in scan.contents if each.views} >= {len(PNG)}
    assert reasons(scan) == {}


def test_photo_in_a_folded_card_is_sound() -> None:
    """The beginning of each line except the first is not part of the picture."""
    lines = textwrap.wrap(base64.b64encode(JPEG).decode(), 74)
    first, rest = lines[0][:40], [lines[0][40:], *lines[1:]]
    scan = scanned(("PHOTO;ENCODING=b:" + "\r\n ".join([first, *rest])).encode())

    assert len(JPEG) in {each.size for each in scan.contents if each.views}
    assert reasons(scan) == {}


def test_broken_picture_in_a_string_is_a_reason() -> None:
    """If no reading is sound, the bytes were meant as a picture."""
    garbled = base64.b64encode(PNG[:40] + bytes(900)).decode()

    assert list(reasons(scanned(garbled.encode())).values()) == [Reason.UNDECODABLE]


def test_carved_picture_has_views_and_no_digests() -> None:
    """Where it ends is not known, so a digest would be a guess."""
    (nested,) = scanned(NOISE + JPEG).contents

    assert nested.views
    assert nested.exact == ()


def test_carved_beginning_that_does_not_decode_is_counted_and_dropped() -> None:
    """Magic occurs by chance, and never makes a scan incomplete."""
    scan = scanned(NOISE + JPEG[:30] + bytes(5000))

    assert scan.contents == ()
    assert scan.reason is None
    assert scan.dropped == 1


def test_truncated_carved_picture_is_seen_as_far_as_it_goes() -> None:
    """Its intended end is unknown, so there is no reason."""
    (nested,) = scanned(NOISE + pictures.truncated(JPEG)).contents

    assert nested.views
    assert nested.reason is None


def test_picture_in_an_archive_as_it_is_is_found_once() -> None:
    """A stored member is looked at as a member, and not carved as well."""
    scan = scanned(stored_zip_of(a=pictures.thumbnailed_jpeg(PHOTO, OTHER)))

    assert list(found(scan)) == ["0!/a", "0!/a!/thumb:1"]


def test_members_of_one_name_are_both_looked_at() -> None:
    """Readers disagree about which of them counts."""
    scan = scanned(tar_of(("a", JPEG), ("a", PNG)))

    assert list(found(scan)) == ["0!/a", "0!/a#2"]


@pytest.mark.parametrize(
    ("content", "budgets", "reason"),
    [
        pytest.param(
            zip_of(a=JPEG, b=PNG),
            Budgets(max_contents=1, contents_per_mib=0),
            {"0": Reason.TOO_MANY_CONTENTS},
            id="contents",
        ),
        pytest.param(
            zip_of(a=zip_of(b=zip_of(c=JPEG))),
            Budgets(max_depth=2),
            {"0!/a!/b": Reason.TOO_DEEP},
            id="depth",
        ),
        pytest.param(
            zip_of(a=JPEG, b=PNG),
            Budgets(max_upload_signals=40, signals_per_mib=0),
            {"0": Reason.TOO_MANY_SIGNALS},
            id="signals",
        ),
        pytest.param(
            zip_of(a=bytes(28 * 1024 * 1024)),
            Budgets(max_ratio=200),
            {"0!/a": Reason.TOO_COMPRESSED, "0": Reason.TOO_COMPRESSED},
            id="ratio",
        ),
        pytest.param(
            zip_of(a=NOISE * 200),
            Budgets(max_output_bytes=1024 * 1024),
            {"0!/a": Reason.TOO_MANY_BYTES, "0": Reason.TOO_MANY_BYTES},
            id="output",
        ),
        pytest.param(
            zip_of(a=pictures.png(pictures.photograph(3, width=900, height=700))),
            Budgets(max_held_bytes=64 * 1024),
            {"0!/a": Reason.TOO_MANY_BYTES},
            id="held",
        ),
        pytest.param(
            JPEG,
            Budgets(max_pixels=100, large_address_space=0),
            {"0": Reason.TOO_MANY_PIXELS},
            id="pixels",
        ),
        pytest.param(
            b"MSWIM\0\0\0" + bytes(99),
            Budgets(),
            {"0": Reason.NOT_INSPECTED},
            id="wim",
        ),
        pytest.param(
            b"8BPS\0\x01" + bytes(99), Budgets(), {"0": Reason.UNDECODABLE}, id="psd"
        ),
    ],
)
def test_budget_that_ends_a_scan_is_its_reason(
    content: bytes, budgets: Budgets, reason: dict[str, Reason]
) -> None:
    """The record says which budget it was, and of which content."""
    assert reasons(scanned(content, budgets=budgets)) == reason


def test_search_that_is_over_keeps_no_member_from_being_seen() -> None:
    """Bytes in which many pictures are found end the search, and the walk goes on."""
    dear = NOISE + JPEG * 9
    content = tar_of(("a", dear), ("b", PNG), ("c", dear), ("d", JPEG))

    scan = scanned(content, budgets=Budgets(max_contents=12, contents_per_mib=0))

    assert {"0!/b", "0!/d"} <= found(scan).keys()
    assert reasons(scan) == {
        "0!/a": Reason.SEARCH_UNFINISHED,
        "0!/c": Reason.SEARCH_UNFINISHED,
    }


def test_members_of_hardly_any_bytes_are_sent_in_parts() -> None:
    """All in one would be longer than a reply may be."""
    content = tar_of(*((str(number), b"a") for number in range(4500)))

    sizes = [sum(1 for _ in part.scan.walk()) for part in parts_of(content)]

    assert sum(sizes) - len(sizes) == 4500
    assert max(sizes) <= 2002


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(tar_of, id="tar"),
        pytest.param(made.ar, id="ar"),
        pytest.param(lambda *each: zip_of(**dict(each)), id="zip"),
        pytest.param(lambda *each: stored_zip_of(**dict(each)), id="stored"),
        pytest.param(lambda *each: gzip.compress(tar_of(*each)), id="packed"),
    ],
)
def test_members_without_bytes_are_no_contents(archive: Callable[..., bytes]) -> None:
    """No set lists empty members; they are still counted, so that the walk ends."""
    content = archive(*((str(number), b"") for number in range(99)), ("p", PNG))
    few = Budgets(max_contents=50, contents_per_mib=0)

    scan = scanned(content)

    assert [each.size for each in scan.walk() if each.size < 9] == []
    assert any(path.endswith("!/p") for path in found(scan))
    assert Reason.TOO_MANY_CONTENTS in reasons(scanned(content, budgets=few)).values()


def test_hardly_any_bytes_in_an_archive_are_not_looked_into() -> None:
    """Nothing that shows anything is so short; a longer piece may be of a picture."""
    scan = scanned(tar_of(("a", JPEG[:23]), ("b", JPEG[:24]), ("c", b"%!"), ("d", PNG)))

    assert list(found(scan)) == ["0!/d"]
    assert reasons(scan) == {"0!/b": Reason.UNDECODABLE}


ICON = pictures.png(PHOTO.resize((32, 32)))


def test_icons_in_an_archive_are_a_part_of_the_search() -> None:
    """Programs hold thousands, and none may keep a picture from being seen."""
    icons = [(f"{number}.png", ICON) for number in range(9)]
    budgets = Budgets(max_upload_signals=9 * 32, signals_per_mib=0)

    scan = scanned(tar_of(*icons, ("z", PNG)), budgets=budgets)

    assert found(scan) == {
        **{f"0!/{number}.png": ["stored"] for number in range(4)},
        "0!/z": ["stored"],
    }
    unseen = [f"0!/{number}.png" for number in range(4, 9)]
    assert reasons(scan) == dict.fromkeys(
        ("0", *unseen, "0!/z"), Reason.SEARCH_UNFINISHED
    )
    assert all(len(each.exact) == 3 for each in scan.contents)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda data: data, id="itself"),
        pytest.param(gzip.compress, id="stream"),
        pytest.param(base64.b64encode, id="string"),
    ],
)
def test_icon_that_a_site_is_sent_is_no_search(make: Callable[[bytes], bytes]) -> None:
    """An icon as an upload is a picture like others."""
    budgets = Budgets(max_upload_signals=40, signals_per_mib=0)

    assert set(reasons(scanned(make(ICON), budgets=budgets)).values()) == set()


def test_strings_of_a_text_that_a_site_reads_are_no_search() -> None:
    """Junk before them must not turn unseen pictures into an accepted reason."""
    strings = [base64.b64encode(PNG + bytes((n,))).decode() for n in range(9)]
    text = '","'.join(strings).encode()

    budgets = Budgets(max_contents=5, contents_per_mib=0)

    sent = scanned(text, budgets=budgets)
    packed = scanned(gzip.compress(text), budgets=budgets)
    kept = scanned(zip_of(a=text), budgets=budgets)

    assert Reason.TOO_MANY_CONTENTS in {each.reason for each in sent.walk()}
    assert Reason.TOO_MANY_CONTENTS in {each.reason for each in packed.walk()}
    assert {each.reason for each in kept.walk()} == {None, Reason.SEARCH_UNFINISHED}


def test_what_was_seen_before_the_budget_counts() -> None:
    """A listed picture in front of a bomb is seen."""
    scan = scanned(
        zip_of(a=JPEG, b=PNG), budgets=Budgets(max_contents=1, contents_per_mib=0)
    )

    assert list(found(scan)) == ["0!/a"]


@pytest.mark.parametrize(
    ("make", "path"),
    [
        pytest.param(lambda data: data, "0", id="itself"),
        pytest.param(lambda data: zip_of(a=data), "0!/a", id="member"),
        pytest.param(base64.b64encode, "0!/base64:1", id="string"),
        pytest.param(lambda data: NOISE + data, "0!/embedded:1", id="carved"),
    ],
)
def test_first_view_counts_whatever_ends_the_second(
    make: Callable[[bytes], bytes], path: str
) -> None:
    """A listed first frame is seen, wherever it stands, if the next one is too much."""
    content = make(pictures.animated_png())
    # The search has half of the signals, and ends without ending the walk.
    is_carved = "embedded" in path
    most = 80 if is_carved else 40
    scan = scanned(content, budgets=Budgets(max_upload_signals=most, signals_per_mib=0))

    assert found(scan) == {path: ["stored"]}
    assert reasons(scan) == {
        "0": Reason.SEARCH_UNFINISHED if is_carved else Reason.TOO_MANY_SIGNALS
    }


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda data: data, id="itself"),
        pytest.param(base64.b64encode, id="string"),
        pytest.param(lambda data: NOISE + data, id="carved"),
    ],
)
def test_first_view_is_sent_before_the_second_is_made(
    make: Callable[[bytes], bytes],
) -> None:
    """A crash in the second frame does not remove the first one."""
    first = parts_of(make(pictures.animated_png()))[0]

    assert not first.is_last
    assert list(found(first.scan).values()) == [["stored"]]


def test_no_step_is_begun_after_the_deadline() -> None:
    """A scan of many steps ends regularly, before the process is killed."""
    scan = scanned(zip_of(a=JPEG), cpu_s=1e-9)

    assert scan.reason is Reason.OUT_OF_TIME


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: pictures.webp(PHOTO), id="webp"),
        pytest.param(lambda: zip_of(a=JPEG), id="zip"),
        pytest.param(lambda: JPEG + pictures.webp(OTHER), id="webp-after-jpeg"),
        pytest.param(
            lambda: (
                b"<img src='data:image/webp;base64,"
                + base64.b64encode(pictures.webp(PHOTO))
                + b"'>"
            ),
            id="webp-in-html",
        ),
    ],
)
def test_uncommon_decoder_is_never_run_beside_others(make: Callable[[], bytes]) -> None:
    """A process that scans many contents asks for another one instead."""
    content = make()

    assert parts_of(content, process=ProcessKind.COMMON)[-1].needs is ProcessKind.ALONE
    assert found(scanned(content))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(JPEG, id="jpeg"),
        pytest.param(PNG, id="png"),
        pytest.param(NOISE + JPEG + PNG, id="carved"),
        pytest.param(base64.b64encode(JPEG), id="base64"),
    ],
)
def test_common_decoders_run_anywhere(content: bytes) -> None:
    """JPEG and PNG are decoded by processes that are used again."""
    assert found(scanned(content, process=ProcessKind.COMMON))


def test_format_is_decoded_where_it_is_switched_on() -> None:
    """Formats that browsers do not show are decoded only if the operator says so."""
    content = pictures.encoded(PHOTO, "JPEG2000")

    assert reasons(scanned(content)) == {"0": Reason.UNDECODABLE}
    assert found(scanned(content, formats=frozenset({"jp2"}))) == {"0": ["stored"]}


def test_brotli_is_read_where_it_is_claimed() -> None:
    """It may begin like a text, and only the declared type tells."""
    scan = scanned(brotli_of(JPEG), "application/x-brotli")

    assert scan.kind == "text"
    assert found(scan) == {"0!/1": ["stored"]}
    assert scan.reason is None


def test_claim_that_is_not_true_means_nothing() -> None:
    """A content that does not unpack is not such a container."""
    assert scanned(b"just a text", "application/x-brotli").reason is None


def test_brotli_in_an_archive_is_read_by_its_name() -> None:
    """The name of a member is a claim like a declared type."""
    scan = scanned(zip_of(**{"photo.br": brotli_of(JPEG)}))

    assert found(scan) == {"0!/photo.br!/1": ["stored"]}


@pytest.mark.parametrize("is_behind", [False, True])
def test_thumbnail_in_xmp_is_found(*, is_behind: bool) -> None:
    """It stands in the picture as a text, with line ends written as numbers."""
    text = base64.encodebytes(pictures.jpeg(OTHER)).replace(b"\n", b"&#xA;")
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><xmpGImg:image>%s</xmpGImg:image>"
    segment = b"http://ns.adobe.com/xap/1.0/\0" + packet % text + b"</x:xmpmeta>"
    marker = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big")
    head, rest = (JPEG, b"") if is_behind else (JPEG[:2], JPEG[2:])

    scan = scanned(head + marker + segment + rest)

    assert list(found(scan).values()) == [["stored"], ["stored"]]
    assert scan.reason is None


def test_entities_of_an_svg_are_put_together() -> None:
    """None of two entities is a picture."""
    uri = "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
    declared = f"<!ENTITY a '{uri[:500]}'><!ENTITY b '{uri[500:]}'>"
    svg = f"<!DOCTYPE svg [{declared}]><svg><image href='&a;&b;'/></svg>"

    scan = scanned(svg.encode())

    (whole,) = [each for each in scan.walk() if each.exact and each.size == len(JPEG)]
    assert [view.name for view in whole.views] == ["stored"]
    assert whole.reason is None


PAGE = b"<html><img src='data:image/jpeg;base64,%s'></html>" % base64.b64encode(JPEG)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PNG + PAGE, id="picture"),
        pytest.param(zip_of(a=PNG) + PAGE, id="archive"),
        pytest.param(gzip.compress(PNG) + PAGE, id="packed"),
        pytest.param(b"7z\xbc\xaf\x27\x1c" + bytes(40) + PAGE, id="not opened"),
    ],
)
def test_page_behind_something_else_is_looked_into(content: bytes) -> None:
    """A browser shows the page, if the site says that it is one."""
    assert "0!/data:1" in found(scanned(content))


def test_letters_of_a_program_may_be_a_picture_by_chance() -> None:
    """Bytes that only begin like an icon in the middle of a program are dropped."""
    header = struct.pack("<IiiHH", 40, 16, 16, 1, 24)
    icon = b"\0\0\1\0\1\0" + bytes(range(1, 250)) + header
    program = NOISE + base64.b64encode(icon) + NOISE

    scan = scanned(program)

    assert (scan.reason, scan.contents) == (None, ())


def test_text_too_long_to_be_held_is_looked_into() -> None:
    """Its strings are decoded block after block."""
    lines = b"".join(b"%d sheep, %x\n" % (n, n * 7919) for n in range(3000))
    member = b"<html>" + lines + PAGE

    scan = scanned(zip_of(a=member), budgets=Budgets(max_held_bytes=60_000))

    assert any(views for path, views in found(scan).items() if "data:" in path)


def test_no_more_carved_pictures_are_reported_than_there_may_be() -> None:
    """The one that is too many ends the search; it is not sent."""
    budgets = Budgets(max_contents=6, contents_per_mib=0)

    scan = scanned(NOISE + JPEG * 5, budgets=budgets)

    assert len(scan.contents) == 3
    assert scan.reason is Reason.SEARCH_UNFINISHED


def test_word_in_a_program_is_no_moving_picture() -> None:
    """Programs that read GIF contain its magic, with any bytes after it."""
    scan = scanned(NOISE + b"GIF89a" + b"\xff" * 900 + NOISE)

    assert (scan.reason, scan.contents) == (None, ())


def test_carved_webp_is_as_long_as_it_says() -> None:
    """Bytes after it are not given to its decoder."""
    picture = pictures.webp(PHOTO)

    (carved,) = scanned(NOISE + picture + NOISE).contents

    assert (carved.kind, carved.reason, len(carved.views)) == ("webp", None, 1)
    assert len(picture) <= carved.size <= len(picture) + 1


def test_what_holds_something_is_searched_wherever_it_stands() -> None:
    """Only that nothing is in a content is remembered, for the next one like it."""
    text = b'{"a": "' + base64.b64encode(JPEG) + b'"}'
    nothing = b"The quick brown fox jumps over the lazy dog. " * 50
    found = scanned(zip_of(a=text, b=nothing, c=text, d=nothing))

    assert [len(each.contents) for each in found.contents] == [1, 0, 1, 0]
    assert {each.reason for each in found.walk()} == {None}


def test_pictures_behind_stray_bytes_are_tried_for_a_while() -> None:
    """In an archive they are not shown, and thousands of false ones would take long."""
    head = b".\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    decoys = {str(number): head + b"%d" % number * 40 for number in range(2000)}
    found = scanned(zip_of(a=b"." + PNG, **decoys))

    members = {each.path: each for each in found.contents}
    assert members["0!/a"].contents[0].views
    assert members["0!/0"].reason is None
    assert members["0!/1999"].reason is Reason.SEARCH_UNFINISHED


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_decoded_body_is_looked_at_as_if_it_had_been_sent_so(coding: str) -> None:
    """The origin undoes the coding: the type is that of the decoded body."""
    packed = CODINGS[coding]
    texts = {
        b'{"a": "' + base64.b64encode(JPEG) + b'"}': "application/json",
        JPEG: "image/jpeg",
        NOISE: "image/png",
        stored_zip_of(a=JPEG): "application/zip",
    }

    for sent, declared in texts.items():
        plain = scanned(sent, declared, digests=True)
        whole = scanned(packed(sent), declared, coding=coding)
        (decoded,) = whole.contents[:1]

        assert decoded.path.endswith("!/decoded")
        assert (decoded.kind, decoded.size) == (plain.kind, plain.size)
        assert decoded.exact == plain.exact
        assert decoded.reasons == plain.reasons
        assert [len(each.views) for each in decoded.walk()] == [
            len(each.views) for each in plain.walk()
        ]


@pytest.mark.parametrize(
    ("coding", "needs"), [("gzip", None), ("br", ProcessKind.ALONE)]
)
def test_common_process_undoes_the_coding_that_it_runs_anyway(
    coding: str, needs: ProcessKind | None
) -> None:
    """It decodes PNG by zlib; other decoders run in a process of their own."""
    sent = CODINGS[coding](JPEG)
    parts = parts_of(sent, "image/jpeg", process=ProcessKind.COMMON, coding=coding)

    assert parts[-1].needs is needs


def test_archive_in_a_coding_is_scanned_alone() -> None:
    """The decoded content decides."""
    sent = gzip.compress(zip_of(a=JPEG))
    parts = parts_of(sent, process=ProcessKind.COMMON, coding="gzip")

    assert parts[-1].needs is ProcessKind.ALONE


@pytest.mark.parametrize("coding", CODINGS)
def test_sent_bytes_are_looked_at_beside_the_decoded_ones(coding: str) -> None:
    """An origin that ignores the header keeps a picture that is not coded at all."""
    scan = scanned(JPEG, "image/jpeg", coding=coding)

    assert scan.kind == "jpeg"
    assert scan.views
    assert Reason.UNSUPPORTED_CODING in {
        reason for each in scan.walk() for reason in each.reasons
    }


def test_picture_hidden_in_a_stream_is_found_beside_the_decoded_body() -> None:
    """A stored block of deflate is the picture itself, for one who does not decode."""
    sent = gzip.compress(PNG + NOISE, 0)
    scan = scanned(sent, "application/octet-stream", coding="gzip")

    assert scan.contents[0].views
    assert scan.reasons == ()


def test_coded_body_is_not_unpacked_twice() -> None:
    """The usual container of the same stream would be the same content again."""
    for coding, packed in CODINGS.items():
        scan = scanned(packed(NOISE), "text/plain", coding=coding)

        assert [each.path for each in scan.contents] == ["0!/decoded"]


def test_part_in_base64_is_walked_through_once() -> None:
    """The search of its text for encoded files would find the same file again."""
    sent = base64.encodebytes(JPEG).replace(b"\n", b"\r\n")
    scan = scanned(sent, "image/jpeg", coding="base64")

    assert [each.path for each in scan.contents] == ["0!/decoded"]


@pytest.mark.parametrize("other", [b"A", b"AAAA"])
def test_part_in_base64_that_reads_otherwise_as_a_text_is_searched(
    other: bytes,
) -> None:
    """What a search of the text finds is another file than the decoded part."""
    sent = base64.b64encode(NOISE) + b"\r\n" + other + b"\r\n" + base64.b64encode(PNG)
    scan = scanned(sent, "image/jpeg", coding="base64")

    assert any(each.views for each in scan.walk())


@pytest.mark.parametrize("process", ProcessKind)
def test_photo_behind_a_line_needs_no_process_of_its_own(process: ProcessKind) -> None:
    """The header of a JPEG begins like an icon, which is no common format."""
    parts = parts_of(b"10000\r\n" + JPEG, process=process)

    assert not any(part.needs for part in parts)
    assert any(each.views for part in parts for each in part.scan.walk())


def test_long_decoded_body_is_searched_block_by_block() -> None:
    """A body longer than `max_held_bytes` is looked at like a long member."""
    budgets = Budgets(max_held_bytes=1 << 20)
    noise = random.Random(1).randbytes(3 << 20)  # noqa: S311 - bytes of a test
    sent = gzip.compress(noise + JPEG, 1)
    scan = scanned(sent, coding="gzip", budgets=budgets)

    assert any(each.views for each in scan.walk())


@pytest.mark.parametrize("hidden", [JPEG, stored_zip_of(a=JPEG)])
def test_picture_in_the_header_of_a_coded_body_is_found(hidden: bytes) -> None:
    """An origin that undoes no coding keeps what others skip (RFC 1952, 2.3.1.1)."""
    plain = gzip.compress(NOISE, mtime=0)
    extra = len(hidden).to_bytes(2, "little") + hidden
    sent = plain[:3] + b"\x04" + plain[4:10] + extra + plain[10:]
    scan = scanned(sent, "text/plain", coding="gzip")

    assert scan.reasons == ()
    assert not scan.contents[0].views
    assert any(each.views for each in scan.walk())


def test_picture_in_the_metadata_of_brotli_is_found() -> None:
    """A block of metadata is no part of the decoded body (RFC 7932, section 9.2)."""
    size = (len(JPEG) - 1).to_bytes(2, "little")
    bits = (
        0
        | 0b0 << 1
        | 0b11 << 2
        | 0 << 4
        | 0b10 << 5
        | int.from_bytes(size, "little") << 7
    )
    head = bits.to_bytes(3, "little")
    sent = head + JPEG + b"\x03"
    scan = scanned(sent, "text/plain", coding="br")

    assert scan.reasons == ()
    assert any(each.views for each in scan.walk())


SMALL = Budgets(max_decoded_bytes=1_000_000)
"""Pictures of 250,000 pixels are too large for an ordinary process."""


@pytest.mark.parametrize(("kind", "needs"), [("BMP", None), ("PNG", ProcessKind.LARGE)])
def test_large_picture_in_the_middle_is_no_chance(
    kind: str, needs: ProcessKind | None
) -> None:
    """What begins like a bitmap in a program does not have it scanned again."""
    picture = pictures.photograph(1, width=600, height=600)
    content = NOISE + pictures.encoded(picture, kind) + NOISE

    assert parts_of(content, budgets=SMALL)[-1].needs is needs


def test_large_bitmap_of_its_own_is_scanned_again() -> None:
    """At the first byte it is a picture."""
    picture = pictures.photograph(1, width=600, height=600)
    content = pictures.encoded(picture, "BMP")

    assert parts_of(content, budgets=SMALL)[-1].needs is ProcessKind.LARGE
    assert found(scanned(content, budgets=SMALL, process=ProcessKind.LARGE))
