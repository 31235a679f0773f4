"""Make a view of a picture: all the signals that a search needs.

PDQ and pHash are always there, since they cost little and ``scan`` prints them; the
other types are computed when an active hash set holds them.
"""

from uploadfilter.model import SignalType, View, ViewSignal
from uploadfilter.signals import operators
from uploadfilter.signals.picture import Picture
from uploadfilter.signals.registry import PERCEPTUAL_TYPES

ALWAYS = frozenset({SignalType.PDQ, SignalType.PHASH})
"""Computed for every view, whatever was asked for."""


def view_of(
    picture: Picture, *, name: str, types: frozenset[SignalType] = ALWAYS
) -> View:
    """Compute the signals of a picture.

    Args:
        picture: The picture.
        name: Name of the view: ``stored``, ``frame:3``, ...
        types: Signal types that a search needs; exact ones are ignored.

    Returns:
        The view; its first signal is the upright PDQ in full geometry.
    """
    wanted = [item for item in PERCEPTUAL_TYPES if item.type in types | ALWAYS]
    columns = [item.columns(picture.shape) for item in wanted]
    projected = operators.project_columns(
        picture.plane, [axis for axes in columns for axis in axes]
    )
    signals: list[ViewSignal] = []
    plane = b""
    for item, axes in zip(wanted, columns, strict=True):
        own, projected = projected[: len(axes)], projected[len(axes) :]
        shrunk = item.shrink(picture, own)
        signals.extend(item.signals(shrunk))
        if item.type is SignalType.PDQ:
            plane = shrunk[0].tobytes()
    return View(name=name, signals=tuple(signals), plane=plane)
