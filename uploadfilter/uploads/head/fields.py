"""Parse header fields, strictly and in exactly one way.

A value that this module cannot parse is ``None``, never a guess: lenient readers differ
in exactly these values.
"""

import re
from dataclasses import dataclass

_TCHAR = r"!#$%&'*+.^_`|~0-9A-Za-z-"
"""The characters of a token (RFC 9110, section 5.6.2): field names and media types."""

# Mail software sends boundaries with `=` and `/` outside of quotes. Every reader ends
# them at the first semicolon or blank, so they are allowed.
_PARAMETER = re.compile(
    rf"""
    [ \t]*;[ \t]*
    (?:                                     # RFC 9110 lets a parameter be absent
        (?P<name>[{_TCHAR}]+)=
        (?:
            (?P<bare>[{_TCHAR}/:=?()@]+)
            |"(?P<quoted>(?:[^"\\]|\\.)*)"
        )
    )?
    [ \t]*
    """,
    re.VERBOSE | re.DOTALL,
)
_MEDIA_TYPE = re.compile(f"(?P<type>[{_TCHAR}]+/[{_TCHAR}]+)[ \t]*(?=;|$)")
_ESCAPED = re.compile(r'\\(["\\])')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parametrised:
    """A value with parameters, such as a media type.

    Attributes:
        value: The text before the first semicolon, in lower case.
        parameters: Parameter values by lower-case name, with their escapes.
    """

    value: str
    parameters: dict[str, str]


def has_control(text: str) -> bool:
    """Tell whether ``text`` holds a control character other than a tab."""
    return _CONTROL.search(text) is not None


def parse_parameters(text: str) -> dict[str, str] | None:
    """Read ``; name=value; name="value"`` to its end.

    Args:
        text: The field value from the first semicolon on; may be empty.

    Returns:
        The values by lower-case name, without quotes and with escapes; ``None`` if some
        text is left over, or a name occurs twice.

    Source:
        RFC 9110, section 5.6.6.
    """
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            return None
        position = match.end()
        if match["name"] is None:
            continue
        name = match["name"].lower()
        if name in found:
            return None
        found[name] = match["quoted"] if match["bare"] is None else match["bare"]
    return found


def parse_media_type(text: str) -> Parametrised | None:
    """Read a media type and its parameters; ``None`` if it is not exactly one."""
    text = text.strip(" \t")
    match = _MEDIA_TYPE.match(text)
    if match is None:
        return None
    parameters = parse_parameters(text[match.end() :])
    if parameters is None:
        return None
    return Parametrised(value=match["type"].lower(), parameters=parameters)


def unescape(quoted: str) -> str:
    r"""Resolve ``\"`` and ``\\``, which curl before 7.81 and httpx send in names."""
    return _ESCAPED.sub(r"\1", quoted)


_CHARSET = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-8859-[0-9]{1,2}|windows-125[0-9]",
    re.IGNORECASE,
)


def is_plain_charset(charset: str) -> bool:
    """Tell whether a charset encodes ASCII as ASCII.

    In UTF-7, UTF-16 and the like, the inspected bytes are not the text that an origin
    decodes, so only one side would see a picture that is encoded in them.
    """
    return _CHARSET.fullmatch(charset) is not None
