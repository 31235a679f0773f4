"""Which originals are photographs by their own word: their file holds camera data.

Whether a picture is a photograph was decided by people who looked at packages, and some
cut-outs, discs and grounds for a desktop are among them. A camera writes who made it
and how long it exposed into the file. Many packages remove that, so that a picture
without it may be a photograph as well; but nobody chose which ones have it.
"""

import json
from pathlib import Path

from PIL import Image

from benchmarks.altered.originals import Originals
from benchmarks.altered.packages import PARTS, Sort, pictures_of

MAKE, MODEL, EXPOSURE = 0x010F, 0x0110, 0x829A
"""EXIF: who made the camera, which one it is, and the exposure in seconds."""

_EXIF_IFD = 0x8769


def scenes(originals: Originals, cache: Path) -> frozenset[str]:
    """Return the scenes of photographs of which a file has camera data.

    The result is kept in the folder of the originals.

    Args:
        originals: The originals.
        cache: Folder of the packages.
    """
    path = originals.folder / "camera.json"
    if not path.is_file():
        found = {
            scene
            for part in PARTS
            if part.sort is Sort.PHOTOGRAPH
            for file, scene in pictures_of(part, cache)
            if has_camera_data(file)
        }
        path.write_text(json.dumps(sorted(found)), encoding="utf-8")
    return frozenset(json.loads(path.read_text(encoding="utf-8")))


def has_camera_data(path: Path) -> bool:
    """Tell whether a file names its camera, or says how long that exposed."""
    try:
        with Image.open(path) as image:
            found = image.getexif()
            return bool(
                found.get(MAKE)
                or found.get(MODEL)
                or found.get_ifd(_EXIF_IFD).get(EXPOSURE)
            )
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
