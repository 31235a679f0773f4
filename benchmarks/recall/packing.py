"""Make files that show, or hold, a picture in another way than as their first frame."""

import base64
import gzip
import io
import json
import tarfile
import zipfile

from PIL import Image, ImageCms

from tests.corpus import pictures
from tests.corpus.pdfs import Document, Name
from tests.corpus.pdfs import image as samples

_DECOY_SEED = 77
_QUALITY = 85
_JUNK = b"junk, and then some more of it.\n" * 40


def decoy(image: Image.Image) -> Image.Image:
    """Return another picture, of the same size."""
    shown = pictures.photograph(_DECOY_SEED, width=256, height=192)
    return shown.resize(image.size)


def _jpeg(image: Image.Image) -> bytes:
    return pictures.jpeg(image, _QUALITY)


def _png(image: Image.Image) -> bytes:
    return pictures.png(image)


def half_transparent(image: Image.Image) -> bytes:
    """Store it with the same transparency everywhere."""
    return pictures.rgba_png(image, alpha=128)


def in_alpha(image: Image.Image) -> bytes:
    """Store it as the transparency of plain black: a browser shows its negative."""
    layer = Image.new("RGB", image.size)
    layer.putalpha(image.convert("L"))
    return _png(layer)


def in_alpha_of_decoy(image: Image.Image) -> bytes:
    """Store it as the transparency of white: shown on dark pages only."""
    layer = Image.new("RGB", image.size, "white")
    layer.putalpha(image.convert("L"))
    return _png(layer)


def invisible(image: Image.Image) -> bytes:
    """Store its colours with nearly full transparency."""
    return pictures.rgba_png(image, alpha=1)


def gif_animation(image: Image.Image) -> bytes:
    """Show another picture first, for a hundredth of a second."""
    buffer = io.BytesIO()
    decoy(image).save(
        buffer, "GIF", save_all=True, append_images=[image], duration=[10, 900]
    )
    return buffer.getvalue()


def png_animation(image: Image.Image) -> bytes:
    """Do the same as PNG."""
    buffer = io.BytesIO()
    decoy(image).save(
        buffer,
        "PNG",
        save_all=True,
        append_images=[image],
        duration=[10, 900],
        compress_level=1,
    )
    return buffer.getvalue()


def tiff_pages(image: Image.Image) -> bytes:
    """Make it the third page."""
    buffer = io.BytesIO()
    other = decoy(image)
    blank = Image.new("RGB", image.size, "white")
    other.save(buffer, "TIFF", save_all=True, append_images=[blank, image])
    return buffer.getvalue()


def inverting_profile(image: Image.Image) -> bytes:
    """Store the negative, with a profile that turns it back into the picture.

    The curves of the profile fall instead of rising, from white to black.
    """
    negative = image.point(lambda value: 255 - value)
    profile = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    return pictures.encoded(negative, "PNG", icc_profile=_falling(profile))


def _falling(profile: bytearray) -> bytes:
    """Replace the curves of a profile by tables that fall."""
    count = int.from_bytes(profile[128:132])
    curve = b"curv" + bytes(4) + (256).to_bytes(4)
    for value in range(256):
        linear = ((255 - value) / 255 + 0.055) / 1.055
        linear = linear**2.4 if value < 245 else (255 - value) / 255 / 12.92  # noqa: PLR2004
        curve += round(65535 * linear).to_bytes(2)
    start = len(profile) + -len(profile) % 4
    out = profile + bytes(start - len(profile)) + curve
    for entry in range(132, 132 + 12 * count, 12):
        if bytes(profile[entry : entry + 4]) in {b"rTRC", b"gTRC", b"bTRC"}:
            out[entry + 4 : entry + 12] = start.to_bytes(4) + len(curve).to_bytes(4)
    out[0:4] = len(out).to_bytes(4)
    return bytes(out)


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def in_zip(image: Image.Image) -> bytes:
    """Pack it beside a text."""
    return _zip({"read me.txt": b"holiday", "a/b.jpg": _jpeg(image)})


def in_nested_zip(image: Image.Image) -> bytes:
    """Pack it twice."""
    return _zip({"inner.zip": in_zip(image)})


def in_tar_gz(image: Image.Image) -> bytes:
    """Pack it as a compressed tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        content = _jpeg(image)
        member = tarfile.TarInfo("photos/b.jpg")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def in_gz(image: Image.Image) -> bytes:
    """Compress the file."""
    return gzip.compress(_jpeg(image), 1, mtime=0)


def in_docx(image: Image.Image) -> bytes:
    """Pack it as a word processor does."""
    kinds = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/"/>'
    return _zip(
        {
            "[Content_Types].xml": kinds,
            "word/document.xml": b"<w:document/>",
            "word/media/image1.jpeg": _jpeg(image),
        }
    )


def in_pdf(image: Image.Image) -> bytes:
    """Make it the only page of a document."""
    picture = samples("RGB", *image.size, _jpeg(image), Filter=Name.DCTDecode)
    document = Document()
    document.show(picture, image.size)
    return document.save(is_compact=True)


def _data_uri(image: Image.Image) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(_jpeg(image)).decode()


def in_json(image: Image.Image) -> bytes:
    """Write it into a document, as many programs upload pictures."""
    return json.dumps({"title": "holiday", "image": _data_uri(image)}).encode()


def in_svg(image: Image.Image) -> bytes:
    """Write it into a drawing."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200">'
        f'<image width="300" height="200" href="{_data_uri(image)}"/></svg>'
    ).encode()


def behind_junk(image: Image.Image) -> bytes:
    """Put bytes before it that are not a picture."""
    return _JUNK + _jpeg(image)


def behind_decoy(image: Image.Image) -> bytes:
    """Append it to another picture."""
    return _jpeg(decoy(image)) + _jpeg(image)


def as_thumbnail(image: Image.Image) -> bytes:
    """Make it the thumbnail of another picture."""
    small = image.copy()
    small.thumbnail((160, 160))
    return pictures.thumbnailed_jpeg(decoy(image), small)


def cut_off(image: Image.Image) -> bytes:
    """Cut off the last two fifths of the file."""
    return pictures.truncated(_jpeg(image), kept=0.6)
