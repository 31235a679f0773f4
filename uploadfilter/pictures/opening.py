"""Recognise the format of a file, and open the file without decoding.

``open_reader`` tries only the given formats, by their magic; each has its opener in
``_OPENERS``.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import BinaryIO, TypeVar

from PIL import Image

from uploadfilter.contents.kinds import picturemagic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.model import Reason
from uploadfilter.pictures.colours.chunks import CODE_POINTS
from uploadfilter.pictures.faults import DECODER_ERRORS, BadPictureError, note
from uploadfilter.pictures.files import patch_file
from uploadfilter.pictures.formats import FORMATS, Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers import (
    apertures,
    boxes,
    items,
    jxlheader,
    padding,
    pngchunks,
    timing,
)
from uploadfilter.pictures.limits import (
    DecodeLimits,
    OverBudgetError,
    check_bytes,
    check_frame,
)
from uploadfilter.pictures.reader import Reader, chain, read_pillow
from uploadfilter.pictures.readers import pngkeys
from uploadfilter.pictures.readers.anymaps import open_anymap
from uploadfilter.pictures.readers.apngs import apng_reader, frames_of_png
from uploadfilter.pictures.readers.bitmaps import open_bitmap
from uploadfilter.pictures.readers.gifs import gif_reader
from uploadfilter.pictures.readers.icons import open_icon
from uploadfilter.pictures.readers.itemcolours import with_code_points, with_gain_maps
from uploadfilter.pictures.readers.jp2s import open_jp2
from uploadfilter.pictures.readers.jpegs import open_jpeg
from uploadfilter.pictures.readers.libraries import open_heif, open_jxl
from uploadfilter.pictures.readers.segments import read_segments, webp_segment
from uploadfilter.pictures.readers.webps import open_still
from uploadfilter.pictures.sampling import Course

_Opened = TypeVar("_Opened")

Opener = Callable[[BinaryIO, Format, DecodeLimits], Reader | None]
"""Opens a file in a format; returns ``None`` if it has another one."""

_HEAD_BYTES = 32


def open_reader(
    file: BinaryIO, formats: Sequence[Format], limits: DecodeLimits
) -> Reader | None:
    """Open a file in the first of some formats that fits; ``None`` if none does.

    A file that is broken has none of them.
    """
    length = file.seek(0, io.SEEK_END)
    for picture_format in formats:
        its_limits = limits.for_file(picture_format.paid_by(length))
        try:
            reader = _OPENERS[picture_format.name](file, picture_format, its_limits)
        except DECODER_ERRORS as exc:
            note(exc)
            continue
        if reader is not None:
            return reader
    return None


def _read_head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(_HEAD_BYTES)


def _read_whole(file: BinaryIO, picture_format: Format, limits: DecodeLimits) -> bytes:
    length = file.seek(0, io.SEEK_END)
    check_bytes(length * picture_format.held_times, limits)
    file.seek(0)
    return file.read()


def _read_items(file: BinaryIO, picture_format: Format, limits: DecodeLimits) -> bytes:
    """Read a whole file of items, unless there are too many items.

    libavif and libheif search all items for each item.
    """
    data = _read_whole(file, picture_format, limits)
    if boxes.item_count(data) > _MOST_ITEMS:
        raise OverBudgetError(Reason.KEY_FRAME_UNSEEN)
    return data


_MOST_ITEMS = 2000  # a picture of 48 megapixels in tiles of a phone has 200


def _open_plain(file: BinaryIO, picture_format: Format, limits: DecodeLimits) -> Reader:
    file.seek(0)
    opened = Image.open(file, formats=picture_format.pillow)
    return read_pillow(opened, picture_format, limits)


def _open_jpeg(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    if not _read_head(file).startswith(picturemagic.JPEG):
        return None
    return open_jpeg(file, picture_format, limits)


def _open_png(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    if not _read_head(file).startswith(picturemagic.PNG):
        return None
    frames = frames_of_png(file)
    if frames is None:
        raise BadPictureError("too many chunks")
    part, bits = pngchunks.part_of(file), pngkeys.bits_of(file)
    if frames.frames or not frames.is_whole:
        # The chunks that were left out may have been part of an animation.
        frames = frames_of_png(part.file) or frames

    def dressed(image: Image.Image) -> Image.Image:
        # Pillow keeps the metadata of all frames here.
        image.info |= {"icc_profile": part.profile, CODE_POINTS: part.code_points}
        pngkeys.settle(image, part.file, bits)
        return image

    if len(frames.frames) > 1:
        return apng_reader(
            part.file,
            frames,
            picture_format,
            limits,
            dressed=lambda image: _without_deep_key(dressed(image), bits),
        )
    part.file.seek(0)
    image = dressed(Image.open(part.file, formats=picture_format.pillow))
    lack = None if frames.is_whole else Reason.KEY_FRAME_UNSEEN
    if pngkeys.is_deep(image, bits):
        del image.info[pngkeys.KEY]
        lack = lack or Reason.UNDECODABLE
    return replace(read_pillow(image, picture_format, limits), lack=lack)


def _without_deep_key(image: Image.Image, bits: int) -> Image.Image:
    if pngkeys.is_deep(image, bits):
        raise BadPictureError("a transparent colour of 16 bits")
    return image


def _open_gif(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    head = _read_head(file)
    if not head.startswith(picturemagic.GIF_LETTERS):
        return None
    data = _read_whole(file, picture_format, limits)
    if not head.startswith(picturemagic.GIFS):
        data = picturemagic.GIFS[-1] + data[len(picturemagic.GIFS[-1]) :]
    return gif_reader(data, picture_format, limits)


def _open_webp(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    head = _read_head(file)
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    data = _read_whole(file, picture_format, limits)
    frames = timing.webp_timing(data)
    # Its decoder allocates the canvas at opening.
    _check_canvas(frames, picture_format, limits)
    if frames.course is None:
        return _open_padded(
            data,
            lambda data, is_padded: open_still(
                data, picture_format, limits, is_padded=is_padded
            ),
        )
    return _open_moving_webp(data, frames, frames.course, picture_format, limits)


def _open_moving_webp(
    data: bytes,
    frames: timing.Timing,
    course: Course,
    picture_format: Format,
    limits: DecodeLimits,
) -> Reader:
    def whole(data: bytes, is_padded: bool) -> tuple[bytes, bool, Image.Image]:
        image = Image.open(io.BytesIO(data), formats=picture_format.pillow)
        return data, is_padded, image

    data, is_padded, image = _open_padded(data, whole)
    count, profile = getattr(image, "n_frames", 1), image.info.get("icc_profile")
    image.close()

    def opened(data: bytes, count: int) -> Reader:
        image = Image.open(io.BytesIO(data), formats=picture_format.pillow)
        image.info["icc_profile"] = profile
        return read_pillow(
            image,
            picture_format,
            limits,
            count=count,
            held_bytes=picture_format.held_times * len(data),
            is_padded=is_padded,
        )

    if not frames.is_whole or count != len(frames.durations):
        return replace(opened(data, count), lack=Reason.KEY_FRAME_UNSEEN)
    return read_segments(
        frames.durations,
        course,
        lambda segment: opened(webp_segment(data, frames, segment), len(segment)),
    )


def _open_avif(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    head = _read_head(file)
    if head[4:8] != b"ftyp" or head[8:12] not in picturemagic.AVIF_OPENED_BRANDS:
        return None
    data = _read_items(file, picture_format, limits)

    def opened(data: bytes, is_padded: bool) -> Reader:
        image = Image.open(io.BytesIO(data), formats=picture_format.pillow)
        count = min(getattr(image, "n_frames", 1), timing.MOST_COUNTED)
        track = boxes.track_of(data, count)
        reader = read_pillow(
            image,
            picture_format,
            limits,
            count=count,
            held_bytes=picture_format.held_times * len(data),
            is_padded=is_padded,
            is_deep=boxes.is_deep(data),
        )
        reader = replace(
            reader,
            durations=track.durations,
            lack=Reason.KEY_FRAME_UNSEEN if count == timing.MOST_COUNTED else None,
            keys=None if track.is_sure or count == 1 else range(count),
            course=_avif_course(image.size, track) if count > 1 else None,
        )
        return with_code_points(reader, data)

    reader = _with_items(data, opened, is_listed=False)
    if apertures.has_aperture(data):
        reader = replace(reader, lack=Reason.UNDECODABLE)
    other = _other_brand(data)
    return reader if other is None else chain(reader, _open_padded(other, opened))


def _with_items(
    data: bytes, opened: Callable[[bytes, bool], Reader], *, is_listed: bool
) -> Reader:
    """Open a file of items, and show the pictures that its decoder does not."""
    shown = with_gain_maps(_open_padded(data, opened), data)
    others = items.other_pictures(data, is_listed=is_listed)
    if not others:
        return shown

    # A decoder shows a sequence where the first brand says so.
    is_sequence = not is_listed and data[8:12] in picturemagic.SEQUENCE_BRANDS
    pictures = data[:8] + b"avif" + data[12:] if is_sequence else data

    def open_item(number: int) -> Frame:
        item = items.with_primary(pictures, others[number])
        return replace(_open_padded(item, opened).frame(0), number=number)

    lack = Reason.KEY_FRAME_UNSEEN if len(others) > _MOST_OTHERS else None
    count = min(len(others), _MOST_OTHERS)
    more = Reader(frame=open_item, durations=(0,) * count, keys=range(count), lack=lack)
    return chain(shown, more)


_MOST_OTHERS = 30
"""Most pictures of a file that are opened one by one: 9 ms each among a thousand items.
"""


def _avif_course(size: tuple[int, int], track: boxes.Track) -> Course:
    # Its decoder begins at the last frame that it can decode alone.
    syncs, pixels = frozenset(track.syncs), size[0] * size[1]
    count = len(track.durations)
    return Course(
        starts=timing.starts_of([number in syncs for number in range(count)]),
        costs=(pixels,) * count,
        shown_pixels=pixels,
    )


def _other_brand(data: bytes) -> bytes | None:
    """Return an AVIF that is a picture and a sequence with its other brand first.

    The first brand decides which of the two is shown, but not in every viewer.
    """
    if not (boxes.has_box(data, b"meta") and boxes.has_box(data, b"moov")):
        return None
    brand = b"avif" if data[8:12] in picturemagic.SEQUENCE_BRANDS else b"avis"
    return data[:8] + brand + data[12:]


def _open_padded(data: bytes, opened: Callable[[bytes, bool], _Opened]) -> _Opened:
    """Open a file, if necessary with zeros for its missing end."""
    try:
        return opened(data, False)
    except DECODER_ERRORS as exc:
        note(exc)
        missing = padding.missing_bytes(data)
        if not missing:
            raise
        return opened(data + bytes(missing), True)


def _check_canvas(
    frames: timing.Timing, picture_format: Format, limits: DecodeLimits
) -> None:
    check_frame(
        frames.canvas,
        limits,
        bytes_per_pixel=picture_format.moving_bytes_per_pixel
        if len(frames.durations) > 1
        else picture_format.bytes_per_pixel,
    )


def _open_heic(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    head = _read_head(file)
    if head[4:8] != b"ftyp" or head[8:12] not in picturemagic.HEIC_OPENED_BRANDS:
        return None
    data = _read_items(file, picture_format, limits)
    # The library shows pictures, but not sequences of pictures.
    lack = Reason.KEY_FRAME_UNSEEN if boxes.has_box(data, b"moov") else None

    def opened(data: bytes, is_padded: bool) -> Reader:
        reader = open_heif(data, picture_format, limits, is_padded=is_padded)
        return with_code_points(replace(reader, lack=lack), data)

    reader = _with_items(data, opened, is_listed=True)
    if not apertures.has_aperture(data):
        return reader
    # The library shows the part; others show the whole.
    whole = apertures.without_apertures(data)
    return chain(reader, _open_padded(whole, opened))


def _open_jxl(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    if not _read_head(file).startswith(jxlheader.MAGICS):
        return None
    data = _read_whole(file, picture_format, limits)
    return open_jxl(data, picture_format, limits, _JPEG)


def _open_tiff(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    magic = _read_head(file)[:4]
    if magic in picturemagic.SWAPPED_TIFFS:
        file = patch_file(file, {0: picturemagic.SWAPPED_TIFFS[magic]})
    elif magic not in picturemagic.TIFFS:
        return None
    pages = timing.tiff_pages(file)
    if not pages.durations:
        raise BadPictureError("no page in reach")
    file.seek(0)
    image = Image.open(file, formats=picture_format.pillow)
    reader = read_pillow(
        image,
        picture_format,
        limits,
        count=len(pages.durations),
        # Packed pages are unpacked by libtiff, which holds the file in memory.
        held_bytes=0
        if image.info.get("compression") == "raw"
        else file.seek(0, io.SEEK_END),
    )
    lack = None if pages.is_whole else Reason.KEY_FRAME_UNSEEN
    return replace(reader, durations=pages.durations, lack=lack)


def _open_ico(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    if not _read_head(file).startswith(picturemagic.ICONS):
        return None
    data = _read_whole(file, picture_format, limits)
    return open_icon(data, picture_format, limits, _open_entry)


def _open_entry(file: BinaryIO, limits: DecodeLimits) -> Reader | None:
    return open_reader(file, _OF_ENTRIES, limits)


def _open_bitmap(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader:
    return open_bitmap(file, picture_format, limits, _open_entry)


_OPENERS: dict[Kind, Opener] = {
    Kind.JPEG: _open_jpeg,
    Kind.PNG: _open_png,
    Kind.GIF: _open_gif,
    Kind.WEBP: _open_webp,
    Kind.AVIF: _open_avif,
    Kind.HEIC: _open_heic,
    Kind.JXL: _open_jxl,
    Kind.TIFF: _open_tiff,
    Kind.BMP: _open_bitmap,
    Kind.ICO: _open_ico,
    Kind.JP2: open_jp2,
    Kind.PSD: _open_plain,
    Kind.PNM: open_anymap,
    Kind.QOI: _open_plain,
    Kind.TGA: _open_plain,
}

_JPEG = next(item for item in FORMATS if item.name is Kind.JPEG)
_OF_ENTRIES = tuple(item for item in FORMATS if item.name is Kind.PNG)
