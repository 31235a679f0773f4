"""Make PDF documents around pictures and files."""

import io
from collections.abc import Mapping

import pikepdf
from pikepdf import Array, Dictionary, Name

SPACES = {
    "1": Name.DeviceGray,
    "L": Name.DeviceGray,
    "RGB": Name.DeviceRGB,
    "CMYK": Name.DeviceCMYK,
}


def document(
    *streams: tuple[bytes, Mapping[str, object]],
    content: bytes = b"",
    compact: bool = False,
    encryption: pikepdf.Encryption | None = None,
) -> bytes:
    """Make a document of one page that holds streams as they are.

    Args:
        streams: Data as packed, and the dictionary.
        content: What is drawn on the page.
        compact: Put the other objects into compressed ones.
        encryption: How to encrypt it.
    """
    file = io.BytesIO()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page()
        page.obj.Contents = pdf.make_stream(content)
        pdf.Root.Held = Array(
            [pdf.make_indirect(stream(pdf, *each)) for each in streams]
        )
        mode = pikepdf.ObjectStreamMode
        pdf.save(
            file,
            object_stream_mode=mode.generate if compact else mode.disable,
            stream_decode_level=None if encryption else pikepdf.StreamDecodeLevel.none,
            encryption=encryption or False,
            deterministic_id=encryption is None,
        )
    return file.getvalue()


def stream(
    pdf: pikepdf.Pdf, data: bytes, dictionary: Mapping[str, object]
) -> pikepdf.Stream:
    """Make a stream of data as packed."""
    made = pikepdf.Stream(pdf, data)
    for key, value in dictionary.items():
        made[f"/{key}"] = value
    return made


def image(
    mode: str, width: int, height: int, *filters: str, **more: object
) -> dict[str, object]:
    """Make the dictionary of a picture; ``more`` overrides any of its keys."""
    made: dict[str, object] = {
        "Type": Name.XObject,
        "Subtype": Name.Image,
        "Width": width,
        "Height": height,
        "BitsPerComponent": 1 if mode == "1" else 8,
        "ColorSpace": SPACES[mode],
    }
    if filters:
        made["Filter"] = Array([Name(f"/{name}") for name in filters])
    return made | more


def predicted(predictor: int, colors: int, columns: int) -> Dictionary:
    """Say how rows were prepared for packing."""
    return Dictionary(Predictor=predictor, Colors=colors, Columns=columns)
