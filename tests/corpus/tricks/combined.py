"""Combined tricks: a filter that finds each alone must find them together."""

import base64

from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.corpus.tricks.containers import pdf, zipped
from tests.corpus.tricks.kit import Family, FileType, Maker, Shown, Trick, of_family
from tests.corpus.tricks.text import svg


def _inside_zip(trick: Trick) -> Maker:
    """Return a maker of a zip with another trick in it, besides the decoy."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        held = "b" + trick.suffix, trick.make(target, decoy)
        return zipped(("a.jpg", pictures.jpeg(decoy)), held)

    return make


def _inside_svg(trick: Trick) -> Maker:
    """Return a maker of an SVG with another trick as a ``data:`` URI."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        text = base64.b64encode(trick.make(target, decoy)).decode()
        image = f"<image href='data:{trick.media_type};base64,{text}'/>"
        return svg(image, *target.size).encode()

    return make


def _behind_jpeg(trick: Trick) -> Maker:
    """Return a maker of a JPEG of the decoy, followed by another trick."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        return pictures.jpeg(decoy) + trick.make(target, decoy)

    return make


def _everything(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Invert, mirror and frame the target, without colours and with EXIF."""
    image = ImageOps.mirror(ImageOps.invert(target)).convert("L")
    return pictures.jpeg(ImageOps.expand(image, 40, 255), 60)


def _alpha_frames(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put black with alpha after a first frame that shows the decoy."""
    clear = Image.new("L", target.size)
    black = Image.merge(
        "RGBA", (clear, clear, clear, ImageOps.invert(target.convert("L")))
    )
    frames = [black]
    return pictures.encoded(
        decoy.convert("RGBA"),
        "PNG",
        save_all=True,
        append_images=frames,
        duration=[10, 60_000],
        blend=0,
        compress_level=1,
    )


def _pdf_in_zip(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a PDF with packed samples into a zip."""
    held = "b.pdf", pdf(target, packing="FlateDecode", objects=True)
    return zipped(("a.jpg", pictures.jpeg(decoy)), held)


def _named(tricks: tuple[Trick, ...], name: str) -> Trick:
    """Return one trick of a tuple."""
    return next(trick for trick in tricks if trick.name == name)


_combined = of_family(Family.COMBINED)


def combined(tricks: tuple[Trick, ...]) -> tuple[Trick, ...]:
    """Return tricks that are made of other tricks.

    Args:
        tricks: The others.
    """
    frames, alpha = _named(tricks, "gif-second"), _named(tricks, "png-decoy-alpha")
    profile, whole = _named(tricks, "icc-inverted-png"), _named(tricks, "webp-second")
    return (
        _combined(
            "zip-frames",
            FileType.ZIP,
            _inside_zip(frames),
            "a GIF with a decoy first, in a zip",
            shown=Shown.NOTHING,
        ),
        _combined(
            "zip-alpha",
            FileType.ZIP,
            _inside_zip(alpha),
            "decoy and alpha, in a zip",
            shown=Shown.NOTHING,
        ),
        _combined(
            "zip-pdf", FileType.ZIP, _pdf_in_zip, "a PDF in a zip", shown=Shown.NOTHING
        ),
        _combined(
            "svg-profile",
            FileType.SVG,
            _inside_svg(profile),
            "a negative with a profile, in an SVG",
        ),
        _combined(
            "svg-alpha", FileType.SVG, _inside_svg(alpha), "decoy and alpha, in an SVG"
        ),
        _combined(
            "jpeg-webp-frames",
            FileType.JPEG,
            _behind_jpeg(whole),
            "a moving WebP after a JPEG",
            shown=Shown.NOTHING,
        ),
        _combined(
            "apng-alpha", FileType.PNG, _alpha_frames, "alpha in the second frame"
        ),
        _combined(
            "negative-mirrored-framed",
            FileType.JPEG,
            _everything,
            "three edits at once",
            shown=Shown.NOTHING,
        ),
    )
