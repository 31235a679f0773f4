"""Hide a picture as uploaders do: in documents and texts, or after other pictures.

``docs/tricks.md`` lists many more; the demo shows a few.
"""

import base64
import io
import json
import zipfile

import numpy as np
import pillow_heif
from PIL import Image

from tests.corpus import pictures


def document(image: Image.Image) -> bytes:
    """Return a text document with a picture in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document>Dear all</document>")
        archive.writestr("word/media/image1.jpeg", pictures.jpeg(image, quality=70))
    return buffer.getvalue()


def message(image: Image.Image) -> bytes:
    """Return a message of an app: JSON with a picture in base64."""
    data = base64.b64encode(pictures.jpeg(image, quality=70)).decode()
    return json.dumps({"from": "Robin", "attachments": [{"data": data}]}).encode()


def phone_picture(image: Image.Image) -> bytes:
    """Return a HEIC, as phones make them."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, format="HEIF", quality=80)
    return buffer.getvalue()


def animation(decoy: Image.Image, image: Image.Image) -> bytes:
    """Return a GIF that shows a decoy for a moment, then the picture."""
    return pictures.encoded(
        decoy, "GIF", save_all=True, append_images=[image], duration=[20, 60_000]
    )


def veil(decoy: Image.Image, image: Image.Image) -> bytes:
    """Return a PNG with the colours of a decoy that looks like the picture on white.

    The decoy is darkened so that its transparency alone can make every shade of grey.
    """
    colours = np.asarray(decoy, np.float32) / 4
    shade = np.asarray(decoy.convert("L"), np.float32) / 4
    wanted = 64 + np.asarray(image.convert("L"), np.float32) * 0.75
    alpha = np.clip((255 - wanted) / (255 - shade), 0, 1) * 255
    pixels = np.dstack((colours, alpha)).astype(np.uint8)
    return pictures.png(Image.fromarray(pixels, "RGBA"))
