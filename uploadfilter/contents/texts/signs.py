"""Search a text once for the signs of all codings.

Most texts hold nothing, and reading them in every way takes a hundred times as long as
this search. Each sign is a pattern that stands in every text in which a later step
finds anything. So a step without its sign is left out, and nothing is missed. The tests
check this for each step.

To add a sign: a line in ``_SIGNS``, and the step in ``strings.py`` that needs it.
"""

from uploadfilter.contents.patterns import Patterns
from uploadfilter.contents.texts import (
    base64s,
    codings,
    entities,
    escaped,
    layers,
    uris,
)
from uploadfilter.contents.texts.rewritings import REWRITINGS

URI, PACKED, ENTITIES = "URI", "packed", "entities"

_SIGNS: dict[str, str] = {
    URI: uris.SIGN,
    **layers.SIGNS,
    PACKED: base64s.PACKED_SIGN,
    ENTITIES: entities.SIGN,
    **codings.SIGNS,
    **escaped.SIGNS,
    **{way.name: way.sign for way in REWRITINGS},
    **{
        way.bytes_name: way.gives_bytes.pattern.decode()
        for way in REWRITINGS
        if way.gives_bytes is not None
    },
}
_NAMES = tuple(_SIGNS)
ALL_SIGNS = frozenset(_NAMES)
_PATTERNS = Patterns(tuple(_SIGNS.values()))


def signs_in(text: bytes) -> frozenset[str]:
    """Return the names of the signs that stand in a text."""
    return frozenset(_NAMES[number] for number in _PATTERNS.numbers_in(text))
