"""Every line of ``docs/limits.md`` is held by a test.

The page lists the contents that the filter does not inspect, and the result of each
case. A line without a test becomes untrue unnoticed. So each line of its tables is one
of three: a sample here, which is scanned; tests elsewhere, which are named; or a case
without code of this project, which says so.

To add a line to the page: its first words, as a key in one of the three tables.
"""

import ast
import base64
import io
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from tests.corpus import pictures
from tests.corpus.pdfs import Document
from tests.corpus.tricks.kit import png_chunk
from tests.repository import ROOT, parse, section
from tests.scanners.scans import scanned
from uploadfilter.model import Reason

PAGE = ROOT / "docs" / "limits.md"

SECTIONS = ("Pictures", "Files that hold files", "Tricks", "Requests")
"""The headings with tables of cases; the lists are about the machine."""

PHOTO = pictures.photograph(31, width=160, height=120)
NOISE = bytes(range(256)) * 64


class Sample(NamedTuple):
    """A content of which a line speaks.

    Attributes:
        make: Makes it.
        reasons: All reasons of its scan; nothing stands for ``NO_MATCH``.
        declared: Its declared type.
    """

    make: Callable[[], bytes]
    reasons: frozenset[Reason] = frozenset()
    declared: str | None = None


def little_picture_in_a_program() -> bytes:
    """Return noise with a picture of 24 x 24 pixels in it."""
    return NOISE + pictures.png(PHOTO.resize((24, 24))) + NOISE


def jpeg_with_unpacked_thumbnail() -> bytes:
    """Return a JPEG whose JFIF segment has a thumbnail in plain colours."""
    content, small = pictures.jpeg(PHOTO), PHOTO.resize((96, 64)).convert("RGB")
    body = b"JFXX\0\x13" + bytes(small.size) + small.tobytes()
    return (
        content[:2]
        + b"\xff\xe0"
        + (len(body) + 2).to_bytes(2, "big")
        + body
        + content[2:]
    )


def packed_metadata() -> bytes:
    """Return a PNG whose XMP, with a thumbnail in it, is packed."""
    encoded = base64.b64encode(pictures.jpeg(PHOTO)).decode()
    xmp = f"<x:xmpmeta><xmpGImg:image>{encoded}</xmpGImg:image></x:xmpmeta>"
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp.encode())
    whole = pictures.png(PHOTO)
    end = whole.rindex(b"IEND") - 4
    return whole[:end] + png_chunk(b"iTXt", body) + whole[end:]


def surface() -> bytes:
    """Return a picture in a format of games."""
    file = io.BytesIO()
    PHOTO.save(file, "DDS")
    return file.getvalue()


def picture_of_other_viewers() -> bytes:
    """Return a file that begins like a JPEG XR."""
    return b"II\xbc\x01\x08\0\0\0" + bytes(64)


def raw_without_pages() -> bytes:
    """Return a file that begins like a TIFF, and has a page that cannot be decoded."""
    entries = ((256, 4, 1, 64), (257, 4, 1, 64), (259, 3, 1, 34892), (273, 4, 1, 8))
    tags = b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + count.to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, count, value in entries
    )
    return (
        b"II*\0\x08\0\0\0" + len(entries).to_bytes(2, "little") + tags + bytes(4)
    ) + NOISE[:4096]


def tiles_of_a_page() -> bytes:
    """Return a page that puts a picture together from two halves."""
    width, height = PHOTO.size
    halves = (
        PHOTO.crop((0, 0, width // 2, height)),
        PHOTO.crop((width // 2, 0, width, height)),
    )
    images = "".join(
        f'<img src="data:image/png;base64,'
        f'{base64.b64encode(pictures.png(half)).decode()}">'
        for half in halves
    )
    return f"<!doctype html><body>{images}</body>".encode()


def sound() -> bytes:
    """Return a file that begins like a sound."""
    return b"\0\0\0\x18ftypM4A \0\0\0\0isommp42" + b"\0\0\1\0mdat" + NOISE[:248]


def drawn_page() -> bytes:
    """Return a PDF whose page is drawn with lines."""
    document = Document()
    document.add_page((612, 792), b"0 0 m 100 100 l S")
    return document.save()


def short_strings() -> bytes:
    """Return noise with base64 in it, in strings of forty letters."""
    letters = base64.b64encode(pictures.jpeg(PHOTO))
    rows = (letters[at : at + 40] for at in range(0, len(letters), 40))
    return NOISE + b"\0\xff".join(rows) + NOISE


def picture_in_pieces() -> bytes:
    """Return a string of CBOR in pieces of two bytes each."""
    picture = pictures.jpeg(PHOTO)
    pieces = (picture[at : at + 2] for at in range(0, len(picture), 2))
    head = b"".join(bytes((0x40 + len(piece),)) + piece for piece in pieces)
    return b"\x5f" + head + b"\xff"


SAMPLES: Mapping[str, Sample] = {
    "formats that are recognised and not decoded": Sample(
        picture_of_other_viewers, frozenset({Reason.UNDECODABLE})
    ),
    "pictures that tools of an origin open": Sample(
        surface, frozenset({Reason.NOT_INSPECTED})
    ),
    "programs that draw": Sample(
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>',
        frozenset({Reason.NOT_INSPECTED}),
    ),
    "HTML and CSS": Sample(
        lambda: b"<!doctype html><style>p { filter: invert(1) }</style><p>text</p>"
    ),
    "XMP of a picture": Sample(packed_metadata),
    "camera raws": Sample(raw_without_pages, frozenset({Reason.UNDECODABLE})),
    "pictures inside other content whose shorter side": Sample(
        little_picture_in_a_program
    ),
    "thumbnails in the header of a JPEG": Sample(jpeg_with_unpacked_thumbnail),
    "a picture put together from tiles": Sample(tiles_of_a_page),
    "packs of Git": Sample(
        lambda: b"PACK\0\0\0\2\0\0\0\1" + NOISE[:64],
        frozenset({Reason.NOT_INSPECTED}),
    ),
    "archives of other kinds": Sample(lambda: b"\x1f\x1e" + NOISE[:512]),
    "pages of a PDF": Sample(drawn_page),
    "encodings that no browser": Sample(
        lambda: b"x" + base64.b85encode(pictures.jpeg(PHOTO))
    ),
    "text in binary content": Sample(short_strings),
    "a picture whose bytes do not stand": Sample(picture_in_pieces),
    "sound": Sample(sound),
    "end-to-end encryption": Sample(lambda: bytes(reversed(NOISE))),
}
"""Contents whose result the page states."""

TRICK = "tests/corpus/test_tricks.py::test_each_limit_is_named_in_the_limits"
"""The catalogue holds it: the page names the trick, and the browser's tests scan it."""

_LARGE = (
    "tests/scanners/inside/test_worker.py"
    "::test_large_picture_has_the_views_of_any_other"
)

NAMED: Mapping[str, str] = {
    # Pictures.
    "pictures with more pixels than their decoder": (
        "tests/scanners/inside/test_scanning.py::test_pixels_are_limited_by_the_budget"
    ),
    "a colour profile that is one by its signature": (
        "tests/pictures/test_decoding.py"
        "::test_profile_that_cannot_be_evaluated_makes_the_picture_undecodable"
    ),
    "odd colour profiles": (
        "tests/pictures/colours/test_conversions.py"
        "::test_profile_that_moves_colours_far_is_unsure"
    ),
    "gain maps that change": (
        "tests/pictures/colours/test_gainmaps.py"
        "::test_picture_that_is_not_the_ordinary_one_has_a_lack"
    ),
    "gain maps that do nothing": (
        "tests/pictures/colours/test_gainmaps.py"
        "::test_metadata_say_whether_a_map_counts"
    ),
    "more than 60 frames or pages": (
        "tests/pictures/test_decoding.py::test_last_page_of_a_long_document_is_seen"
    ),
    "animations of which more than": (
        "tests/pictures/test_key_frames.py::test_apng_shows_its_key_frames_or_is_rejected"
    ),
    "an AVIF with a clean aperture": (
        "tests/pictures/headers/test_apertures.py"
        "::test_avif_with_an_aperture_is_shown_whole_and_has_a_lack"
    ),
    "animated JPEG XL": (
        "tests/pictures/readers/test_libraries.py::test_animated_jxl_is_not_whole"
    ),
    "sequences in HEIC": (
        "tests/pictures/readers/test_libraries.py::test_heic_with_a_sequence_is_not_whole"
    ),
    "entries of icons with more": (
        "tests/pictures/readers/test_icons.py::test_large_entry_is_limited_by_its_own_header"
    ),
    "texts that are full of what looks encoded": (
        "tests/contents/texts/test_search.py::test_more_than_the_most_is_said"
    ),
    "bytes full of what looks like the beginning": (
        "tests/contents/test_carving.py::test_flood_of_beginnings_ends"
    ),
    "PNGs inside archives, of which no side": (
        "tests/scanners/inside/walking/test_walk.py::test_icons_in_an_archive_are_a_part_of_the_search"
    ),
    "contents of less than 24 bytes": (
        "tests/scanners/inside/walking/test_walk.py::"
        "test_hardly_any_bytes_in_an_archive_are_not_looked_into"
    ),
    "pictures of a PDF whose shorter side": (
        "tests/contents/pdf/test_pages.py::test_flood_of_little_pictures_ends"
    ),
    "long documents in few bytes": (
        "tests/contents/pdf/test_pages.py::test_flood_of_drawn_pages_ends"
    ),
    "bytes behind a picture in which": (
        "tests/proxy/test_accepting.py::test_motion_photo_of_a_phone_passes"
    ),
    "videos, where": (
        "tests/scanners/inside/walking/test_videowalk.py::test_without_the_extra_videos_are_not_inspected"
    ),
    "videos other than": (
        "tests/scanners/inside/walking/test_videowalk.py::test_video_that_is_not_opened_is_not_inspected"
    ),
    "videos of which": (
        "tests/scanners/inside/walking/test_videowalk.py::test_video_without_time_is_unfinished"
    ),
    "frames that differ little": (
        "tests/signals/test_videoviews.py::test_frames_that_change_little_are_looked_at_four_times_a_second"
    ),
    "less than a fifth of a listed film": (
        "tests/reference/search/test_films.py::test_film_is_found_by_a_share_of_its_frames"
    ),
    "contents that are dear to search": (
        "tests/scanners/inside/walking/test_accounts.py::test_search_may_use_up_its_share_of_the_time"
    ),
    "crops of more than a few per cent": TRICK,
    "more than 16 different views": (
        "tests/evidence/test_finding.py::test_views_beyond_the_budget_are_unfinished"
    ),
    "accepted uploads that find no place in the queue": (
        "tests/inspection/test_searching.py"
        "::test_upload_beyond_the_queue_is_counted_and_passes"
    ),
    "transparent pictures on a page with a pattern": (
        "tests/signals/test_pages.py::test_frames_have_fewer_pages"
    ),
    "a picture in colours of one luma": (
        "tests/signals/test_chroma.py"
        "::test_colours_are_a_view_only_where_luma_says_little"
    ),
    "a JPEG with 1,024 pixels or more": (
        "tests/pictures/readers/test_jpegs.py"
        "::test_jpeg_is_decoded_as_small_as_512_pixels_allow"
    ),
    "one transparent colour of 16 bits": (
        "tests/pictures/readers/test_pngkeys.py::test_deep_one_of_an_animation_is_a_lack"
    ),
    "a picture on a plain canvas": (
        "tests/signals/test_canvases.py::test_picture_anywhere_on_a_canvas_is_found"
    ),
    # Large pictures, by their format.
    "JPEG": _LARGE,
    "PNG": _LARGE,
    "GIF": (
        "tests/pictures/readers/test_gifs.py::test_gif_of_empty_blocks_is_given_up"
    ),
    "BMP": ("tests/pictures/test_decoding.py::test_bad_file_gives_a_reason"),
    "TIFF": ("tests/pictures/test_reader.py::test_pages_are_limited_one_by_one"),
    "HEIC": _LARGE,
    "WebP": _LARGE,
    "AVIF": _LARGE,
    "JPEG XL": _LARGE,
    "PSD, QOI, TGA": (
        "tests/scanners/inside/test_scanning.py::test_pixels_are_limited_by_the_budget"
    ),
    "JPEG 2000": (
        "tests/pictures/readers/test_jp2s.py::test_large_one_is_refused_by_its_header"
    ),
    "PNM": (
        "tests/pictures/readers/test_anymaps.py::test_large_one_is_refused_by_its_header"
    ),
    # Files that hold files.
    "RAR before version 3": (
        "tests/contents/archives/test_archives.py::test_archive_conforms"
    ),
    "archives in several volumes": (
        "tests/contents/archives/test_archives.py::test_what_cannot_be_read_has_a_reason"
    ),
    "a tar file of more than 48 MiB": (
        "tests/scanners/inside/walking/test_passing.py"
        "::test_less_of_a_backup_is_held_than_of_anything_else"
    ),
    "a 7z, RAR or CAB whose window": (
        "tests/contents/archives/test_library.py::test_want_of_memory_is_a_shortfall"
    ),
    "members packed by a method": (
        "tests/contents/archives/test_zipping.py::test_zip_is_read_like_this"
    ),
    "base64 outside of `data:` URIs with": (
        "tests/fuzz/test_compositions.py::test_limits_are_stated"
    ),
    "more than four layers of escapes": (
        "tests/contents/texts/test_search.py::test_readings_end_with_their_bytes"
    ),
    "other files among the packed pixels": (
        "tests/contents/test_scandata.py::test_another_file_ends_them"
    ),
    "files with holes in a tar": (
        "tests/contents/archives/test_tars.py::test_holes_that_no_picture_has_are_not_filled"
    ),
    "bytes that are full of what archives": (
        "tests/contents/archives/test_inside.py::test_archives_without_end_are_not_all_opened"
    ),
    "archives and packed files other than zip": (
        "tests/contents/kinds/test_proposals.py::test_stray_bytes_are_skipped"
    ),
    "pictures of a PDF in several inks": (
        "tests/contents/pdf/test_documents.py::test_picture_in_several_inks_has_a_reason"
    ),
    "pictures of a PDF of more than 64": (
        "tests/contents/pdf/test_pages.py"
        "::test_picture_beyond_memory_is_told_and_others_are_seen"
    ),
    "zlib, raw deflate, Brotli": (
        "tests/contents/test_containers.py"
        "::test_codings_without_magic_are_read_where_they_are_claimed"
    ),
    "drawings of Windows in old office": (
        "tests/contents/carriers/test_compounds.py"
        "::test_packed_pictures_of_a_document_are_members"
    ),
    "encrypted members, PDFs": (
        "tests/contents/carriers/test_compounds.py::test_document_with_a_password_is_encrypted"
    ),
    "a picture in a string that does not decode": (
        "tests/contents/kinds/test_sizes.py::test_picture_is_small_by_its_shorter_side"
    ),
    "7z, RAR, CAB, LHA": (
        "tests/scanners/pool/test_crew.py::test_what_the_machine_lacks_is_said"
    ),
    # Tricks.
    "`svg-strips`": TRICK,
    "`svg-mosaic`": TRICK,
    "`svg-blend`": TRICK,
    "`html-strips`": TRICK,
    "`html-script`": TRICK,
    "`rtf-words`": TRICK,
    "`png-raw-profile`": TRICK,
    "`cropped-10`": TRICK,
    # Requests.
    "a form in gzip or deflate": (
        "tests/uploads/body/test_inflating.py::test_bomb_ends_early"
    ),
    "a slice of a file in such a form": (
        "tests/inspection/test_inspection.py"
        "::test_slice_in_a_coding_is_a_piece_like_any_other"
    ),
    "content codings": (
        "tests/uploads/head/test_plan.py::test_codings_are_not_understood"
    ),
    "bodies of S3 in": (
        "tests/uploads/head/test_awschunked.py"
        "::test_c1_framing_that_is_not_proven_is_refused"
    ),
    "such bodies whose sizes": (
        "tests/uploads/body/test_awschunked.py"
        "::test_c1_framing_that_readers_may_take_otherwise_is_refused"
    ),
    "a body in a coding that is not exactly one stream": (
        "tests/e2e/test_uploads.py::test_coding_that_is_not_kept_to_is_refused"
    ),
    "bodies in more than 1,024 chunks": (
        "tests/web/clients/test_server.py::test_body_in_chunks_of_a_byte_is_ended"
    ),
    "gRPC": ("tests/uploads/head/test_plan.py::test_codings_are_not_understood"),
    "multipart types other than": (
        "tests/uploads/head/test_plan.py::test_type_that_could_be_a_form_is_refused"
    ),
    "parts that hold parts inside of": (
        "tests/uploads/body/test_related.py"
        "::test_c1_part_headers_that_readers_take_otherwise_are_refused"
    ),
    "a file of a form": (
        "tests/contents/test_mailcoded.py"
        "::test_c1_base64_that_readers_take_otherwise_is_refused"
    ),
    "a part of `multipart/related` or `multipart/mixed` with a `Content-Encoding`": (
        "tests/uploads/body/test_related.py"
        "::test_c1_part_headers_that_readers_take_otherwise_are_refused"
    ),
    "other headers of a part": (
        "tests/uploads/test_kinds.py::test_c1_no_reader_takes_two_parts_for_one"
    ),
    "forms, and other bodies of several parts, whose parts readers find": (
        "tests/uploads/body/test_parts.py::test_odd_headers_are_refused"
    ),
    "parts that hold parts": (
        "tests/uploads/test_origins.py::test_origin_gets_nothing_that_was_not_seen"
    ),
    "forms with a digest of their bytes": (
        "tests/uploads/head/test_plan.py::test_ambiguous_request_is_refused_with_a_body"
    ),
    "pieces of a file, which the origin": (
        "tests/uploads/head/test_pieces.py::test_head_says_that_it_is_a_piece"
    ),
    "multipart uploads of S3 on a [route": (
        "tests/uploads/assembly/test_s3.py::test_copied_part_is_refused"
    ),
    "chunked uploads of Nextcloud on a [route": (
        "tests/uploads/assembly/test_nextcloud.py::test_odd_steps_are_refused"
    ),
    "a file of which only digests are listed, in": (
        "tests/proxy/assembling/test_engine.py"
        "::test_piece_that_is_a_listed_file_is_never_shown"
    ),
    "slices of a web form on a [route": (
        "tests/proxy/assembling/test_webforms.py::test_slices_that_disagree_are_refused"
    ),
    "tus on a [route that names it]": (
        "tests/proxy/assembling/test_tus.py::test_unfinished_parts_are_not_joined"
    ),
    "a body that is the whole file by its own": (
        "tests/uploads/head/test_forwarding.py::test_range_of_a_whole_file_is_dropped"
    ),
    "pieces that say so in words of their own": (
        "tests/uploads/head/test_pieces.py"
        "::test_form_without_a_file_has_an_offset_for_something_else"
    ),
    "a coding that an origin keeps": (
        "tests/uploads/head/test_codings.py::test_coding_is_refused_wherever_it_is_named"
    ),
    "method overrides": (
        "tests/uploads/head/test_plan.py::test_only_a_post_may_stand_for_another_method"
    ),
    "WebSocket and other upgrades": (
        "tests/uploads/head/test_plan.py"
        "::test_upgrades_are_refused_but_for_one_that_is_ignored"
    ),
    "a picture in a WebSocket": (
        "tests/proxy/handling/test_websockets.py"
        "::test_one_record_says_that_all_of_it_passed_uninspected"
    ),
    "a client that ends its sending half": (
        "tests/web/clients/test_server.py"
        "::test_half_closed_client_is_not_waited_for_without_end"
    ),
    "what the parser cannot take for HTTP": (
        "tests/proxy/test_fidelity.py"
        "::test_request_that_the_parser_refuses_goes_nowhere"
    ),
    "pictures in the URL": (
        "tests/proxy/handling/test_proxy.py::test_request_without_a_body_is_forwarded"
    ),
    "trailers": ("tests/proxy/test_fidelity.py::test_trailers_are_dropped_both_ways"),
}
"""Tests of the other lines, by their names."""

NOT_OURS: Mapping[str, str] = {
    "edits made on purpose to defeat PDQ": "each is made for one picture and one hash",
    "HTTP/2 and HTTP/3": "the front end speaks them; the parser takes HTTP/1 alone",
    "what the origin fetches by itself": "it never passes the filter",
    "other ways into the origin": "they never pass the filter",
}
"""Lines about contents that never reach the filter, so that there is nothing to test.
"""


_NO_CASES = ("| ---", "| what | ", "| format | ")


def cases() -> list[str]:
    """Return the first cell of each line of the tables, except those of figures."""
    lines = [
        line
        for title in SECTIONS
        for line in _without_figures(section(PAGE, title)).splitlines()
        if line.startswith("| ") and not line.startswith(_NO_CASES)
    ]
    return [line.split("|")[1].strip() for line in lines]


def _without_figures(text: str) -> str:
    """Return a text without the table of measured costs of large pictures."""
    head, _, rest = text.partition("| picture | file | CPU seconds |")
    return head + rest.partition("\n\n")[2]


def key_of(line: str) -> str | None:
    """Return the longest key with which a line begins."""
    keys = filter(line.startswith, (*SAMPLES, *NAMED, *NOT_OURS))
    return max(keys, key=len, default=None)


def test_each_line_is_held_by_a_test() -> None:
    """Each line has a separate key, and each key has its line."""
    keys = [key_of(line) for line in cases()]

    assert [line for line in cases() if key_of(line) is None] == []
    assert sorted(filter(None, keys)) == sorted((*SAMPLES, *NAMED, *NOT_OURS))


@pytest.mark.parametrize("name", sorted({*NAMED.values()}))
def test_named_tests_are_there(name: str) -> None:
    """The page names a renamed test by its new name."""
    path, _, function = name.partition("::")
    named = {
        node.name
        for node in ast.walk(parse(ROOT / path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert function in named


@pytest.mark.parametrize("line", SAMPLES)
def test_sample_gives_what_its_line_says(line: str) -> None:
    """The reasons are those of the page, and nothing else is."""
    sample = SAMPLES[line]
    scan = scanned(sample.make(), sample.declared)
    reasons = {reason for content in scan.walk() for reason in content.reasons}

    assert reasons == sample.reasons


def test_packed_thumbnail_is_not_seen() -> None:
    """Only uncompressed XMP in a file is read."""
    assert scanned(packed_metadata()).contents == ()


def test_little_picture_in_a_program_is_dropped() -> None:
    """It is counted, and has no views."""
    scan = scanned(little_picture_in_a_program())

    assert (scan.contents, scan.dropped) == ((), 1)
