"""The alterations of a picture, one function each.

Each takes the picture, a random generator and a source of other photographs (for
collages). Sizes and places vary a little: an aim that only one exact share of a crop
reaches would be worth nothing.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Rng = np.random.Generator
Other = Callable[[], Image.Image]
Change = Callable[[Image.Image, Rng, Other], Image.Image]

_T = Image.Transpose
_BICUBIC = Image.Resampling.BICUBIC
_BLACK, _WHITE, _GREY = (0, 0, 0), (255, 255, 255), (110, 110, 110)


def _jittered(rng: Rng, share: float) -> float:
    """Return a share that is up to a tenth larger or smaller."""
    return float(share * rng.uniform(0.9, 1.1))


def as_it_is(image: Image.Image, _rng: Rng, _other: Other) -> Image.Image:
    """Leave it."""
    return image


def watermarked(image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Lay a text over the middle, from corner to corner, two fifths opaque."""
    layer = Image.new("L", image.size)
    font = ImageFont.load_default(max(9.0, 0.13 * image.width))
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(layer).text(middle, "SAMPLE PHOTO", 100, font=font, anchor="mm")
    layer = layer.rotate(rng.uniform(15, 35), _BICUBIC)
    return Image.composite(Image.new("RGB", image.size, "white"), image, layer)


def with_box(
    share: float, form: str, image: Image.Image, rng: Rng, _other: Other
) -> Image.Image:
    """Cover a box or disc in a corner (``logo``) or anywhere (``sticker``)."""
    marked = image.copy()
    side = round(_jittered(rng, share) * min(image.size))
    across, down = image.width - side, image.height - side
    left, top = rng.integers(0, max(across, 1)), rng.integers(0, max(down, 1))
    if form == "logo":
        gap = side // 6
        left = rng.choice([gap, across - gap])
        top = rng.choice([gap, down - gap])
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    draw = ImageDraw.Draw(marked)
    box = (int(left), int(top), int(left) + side, int(top) + side)
    (draw.rounded_rectangle if form == "logo" else draw.ellipse)(box, fill=colour)
    font = ImageFont.load_default(max(8.0, side / 3))
    middle = (int(left) + side / 2, int(top) + side / 2)
    draw.text(middle, "abc", "white", font, anchor="mm")
    return marked


def with_banner(
    share: float, image: Image.Image, rng: Rng, _other: Other
) -> Image.Image:
    """Cover a strip at the top or the bottom with a banner and a line of text."""
    marked = image.copy()
    bar = round(_jittered(rng, share) * image.height)
    top = 0 if rng.random() < 0.5 else image.height - bar  # noqa: PLR2004 - half
    colour = _BLACK if rng.random() < 0.5 else _WHITE  # noqa: PLR2004 - half
    draw = ImageDraw.Draw(marked)
    draw.rectangle((0, top, image.width, top + bar), fill=colour)
    _line(draw, (image.width / 2, top + bar / 2), bar * 0.6, colour)
    return marked


def _line(
    draw: ImageDraw.ImageDraw,
    middle: tuple[float, float],
    size: float,
    ground: tuple[int, ...],
) -> None:
    ink = "white" if sum(ground) < sum(_GREY) else "black"
    font = ImageFont.load_default(max(8.0, size))
    draw.text(middle, "when you see it again", ink, font, anchor="mm")


def captioned(image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Write a line of large white text with a black edge into the picture."""
    marked = image.copy()
    font = ImageFont.load_default(max(9.0, 0.1 * image.height))
    down = image.height * (0.1 if rng.random() < 0.5 else 0.9)  # noqa: PLR2004 - half
    edge = max(1, image.height // 120)
    ImageDraw.Draw(marked).text(
        (image.width / 2, down),
        "WHEN YOU SEE IT",
        "white",
        font,
        anchor="mm",
        stroke_width=edge,
        stroke_fill="black",
    )
    return marked


def brightened(
    factor: float, image: Image.Image, _rng: Rng, _other: Other
) -> Image.Image:
    """Multiply the brightness; light parts clip."""
    return ImageEnhance.Brightness(image).enhance(factor)


def equalised(image: Image.Image, _rng: Rng, _other: Other) -> Image.Image:
    """Make all levels equally frequent."""
    return ImageOps.equalize(image)


def _cut(
    image: Image.Image, left: float, top: float, right: float, bottom: float
) -> Image.Image:
    """Cut shares off the sides."""
    box = (
        round(left * image.width),
        round(top * image.height),
        round((1 - right) * image.width),
        round((1 - bottom) * image.height),
    )
    return image.crop(box)


def cropped(share: float, image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Cut about a share off each side."""
    return _cut(image, *(_jittered(rng, share) for _ in range(4)))


def cut_side(share: float, image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Cut a share off one side."""
    cuts = [0.0] * 4
    cuts[int(rng.integers(4))] = _jittered(rng, share)
    return _cut(image, *cuts)


def cut_to(aspect: float, image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Cut to an aspect ratio, near the middle."""
    ratio = image.width / image.height
    if image.width < image.height:
        aspect = 1 / aspect
    cut = 1 - min(ratio / aspect, aspect / ratio)
    first = cut * rng.uniform(0.35, 0.65)
    if ratio > aspect:
        return _cut(image, first, 0, cut - first, 0)
    return _cut(image, 0, first, 0, cut - first)


def rotated(
    degrees: float, canvas: str, image: Image.Image, rng: Rng, _other: Other
) -> Image.Image:
    """Turn by about an angle; the canvas is ``kept``, ``grown`` or ``cut``."""
    angle = _jittered(rng, degrees) * rng.choice([-1, 1])
    turned = image.rotate(angle, _BICUBIC, expand=canvas == "grown")
    if canvas != "cut":
        return turned
    # The largest box of the same aspect ratio without empty corners.
    radians = np.deg2rad(abs(angle))
    longer, shorter = max(image.size), min(image.size)
    scale = 1 / (np.cos(radians) + longer / shorter * np.sin(radians))
    share = (1 - scale) / 2
    return _cut(turned, share, share, share, share)


def perspective(
    share: float, image: Image.Image, rng: Rng, _other: Other
) -> Image.Image:
    """Move each corner inwards by up to a share, and stretch to the whole canvas."""
    width, height = image.size
    moved = rng.uniform(0, share, (4, 2)) * (width, height)
    corners = np.array([(0, 0), (0, height), (width, height), (width, 0)], float)
    signs = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)])
    source = corners + moved * signs
    # Eight equations for the eight coefficients of the projective map.
    rows, right = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    found = np.linalg.solve(np.array(rows), np.array(right))
    return image.transform(
        image.size, Image.Transform.PERSPECTIVE, found.tolist(), _BICUBIC
    )


def bordered(
    share: float, colour: str, image: Image.Image, rng: Rng, _other: Other
) -> Image.Image:
    """Add a border of one colour."""
    border = max(1, round(_jittered(rng, share) * min(image.size)))
    return ImageOps.expand(image, border, fill=colour)


def boxed(image: Image.Image, _rng: Rng, _other: Other) -> Image.Image:
    """Pad with black to a square, or twice as high as wide if it is one."""
    width, height = image.size
    side = max(width, height)
    size = (side, side) if min(width, height) < 0.9 * side else (width, 2 * height)
    canvas = Image.new("RGB", size)
    canvas.paste(image, ((size[0] - width) // 2, (size[1] - height) // 2))
    return canvas


def screenshot(image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Show it on a phone: a status bar, a title, the picture, a line, buttons."""
    width = image.width
    dark = rng.random() < 0.5  # noqa: PLR2004 - half
    ground, ink = ((18, 18, 20), "white") if dark else ((250, 250, 250), "black")
    above = round(width * rng.uniform(0.16, 0.3))
    below = round(width * rng.uniform(0.2, 0.6))
    screen = Image.new("RGB", (width, above + image.height + below), ground)
    screen.paste(image, (0, above))
    draw = ImageDraw.Draw(screen)
    small = ImageFont.load_default(max(8.0, width / 26))
    large = ImageFont.load_default(max(9.0, width / 18))
    draw.text((width * 0.04, width * 0.02), "12:45", ink, small)
    draw.text((width * 0.8, width * 0.02), "5G  81%", ink, small)
    draw.ellipse(
        (width * 0.03, above - width * 0.1, width * 0.11, above - width * 0.02), _GREY
    )
    draw.text((width * 0.14, above - width * 0.09), "some.body", ink, large)
    bottom = above + image.height
    for place in range(4):
        left = width * (0.04 + 0.09 * place)
        box = (left, bottom + width * 0.03, left + width * 0.05, bottom + width * 0.08)
        draw.ellipse(box, outline=ink, width=2)
    draw.text((width * 0.04, bottom + width * 0.1), "248 likes", ink, small)
    return screen


def with_band(place: str, image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Add a band with text ``above`` or ``below``."""
    band = round(image.height * rng.uniform(0.1, 0.22))
    ground = _WHITE if rng.random() < 0.7 else _BLACK  # noqa: PLR2004 - most are white
    canvas = Image.new("RGB", (image.width, image.height + band), ground)
    top = image.height if place == "below" else 0
    canvas.paste(image, (0, 0 if place == "below" else band))
    middle = (image.width / 2, top + band / 2)
    _line(ImageDraw.Draw(canvas), middle, band * 0.4, ground)
    return canvas


def collage_of_two(image: Image.Image, rng: Rng, other: Other) -> Image.Image:
    """Show it beside, above or below another one; half have a gap."""
    width, height = image.size
    across = 2 if rng.random() < 0.5 else 1  # noqa: PLR2004 - half
    down = 3 - across
    gap = round(max(width, height) * 0.02) if rng.random() < 0.5 else 0  # noqa: PLR2004
    size = (across * width + (across + 1) * gap, down * height + (down + 1) * gap)
    canvas = Image.new("RGB", size, "white")
    own = int(rng.integers(2))
    for cell in range(2):
        shown = image if cell == own else ImageOps.fit(other(), image.size)
        left, top = cell % across, cell // across
        canvas.paste(shown, (gap + left * (width + gap), gap + top * (height + gap)))
    return canvas


def after(first: Change, *others: Change) -> Change:
    """Return one alteration after another."""

    def change(image: Image.Image, rng: Rng, other: Other) -> Image.Image:
        for each in (first, *others):
            image = each(image, rng, other)
        return image

    return change


def mirrored(image: Image.Image, _rng: Rng, _other: Other) -> Image.Image:
    """Mirror left to right."""
    return ImageOps.mirror(image)


def quarter(image: Image.Image, rng: Rng, _other: Other) -> Image.Image:
    """Turn by a quarter, one way or the other."""
    way = _T.ROTATE_90 if rng.random() < 0.5 else _T.ROTATE_270  # noqa: PLR2004 - half
    return image.transpose(way)
