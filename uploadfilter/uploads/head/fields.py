"""Parse header fields, strictly and in exactly one way.

A value that this module cannot parse is ``None``, never a guess: lenient readers differ
in exactly these values.
"""

import re
from dataclasses import dataclass

import msgspec

_TCHAR = r"!#$%&'*+.^_`|~0-9A-Za-z-"
"""The characters of a token (RFC 9110, section 5.6.2): field names and media types."""

# Mail software sends boundaries with `=` and `/` outside of quotes, scripts send names
# like `a[]`, and blanks around `=`. A reader ends them at the first semicolon or blank,
# or refuses them.
_PARAMETER = re.compile(
    rf"""
    [ \t]*;[ \t]*
    (?:                                     # RFC 9110 lets a parameter be absent
        (?P<name>[{_TCHAR}]+)[ \t]*=[ \t]*
        (?P<written>
            (?P<bare>[{_TCHAR}/:=?()@\[\]{{}}<>]+)
            |"(?P<quoted>(?:[^"\\]|\\.)*)"
        )
    )?
    [ \t]*
    """,
    re.VERBOSE | re.DOTALL,
)
_MEDIA_TYPE = re.compile(f"(?P<type>[{_TCHAR}]+/[{_TCHAR}]+)[ \t]*(?=;|$)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Parametrised(msgspec.Struct, frozen=True, kw_only=True):
    """A value with parameters, such as a media type.

    Attributes:
        value: The text before the first semicolon, in lower case.
        parameters: Parameter values by lower-case name, with their escapes.
    """

    value: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    r"""A parameter of a value.

    Attributes:
        name: Name in lower case.
        value: Value without its quotes, with its escapes.
        written: Value as it was written, with its quotes.
    """

    name: str
    value: str
    written: str


def has_control(text: str) -> bool:
    """Tell whether ``text`` holds a control character other than a tab."""
    return _CONTROL.search(text) is not None


def read_parameters(text: str) -> list[Parameter] | None:
    """Read ``; name=value; name="value"`` to its end, and keep how it was written.

    Args:
        text: The field value from the first semicolon on; may be empty.

    Returns:
        The parameters in order; ``None`` if some text is left over, or a name occurs
        twice.

    Source:
        RFC 9110, section 5.6.6.
    """
    found: dict[str, Parameter] = {}
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
        value = match["quoted"] if match["bare"] is None else match["bare"]
        found[name] = Parameter(name=name, value=value, written=match["written"])
    return list(found.values())


def parse_parameters(text: str) -> dict[str, str] | None:
    """Return the values that ``read_parameters`` finds, by lower-case name."""
    found = read_parameters(text)
    return None if found is None else {each.name: each.value for each in found}


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


_CHARSET = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?[1-9]|iso-?8859-?[0-9]{1,2}|(?:windows|cp)-?125[0-9]"
    r"|windows-874|tis-620|koi8-[ru]|macintosh|euc-jp",
    re.IGNORECASE,
)
"""Charsets in which each byte of ASCII is a character by itself, by their usual names:
not Shift JIS, GBK, Big5 or EUC-KR, in which one may be the second half of another."""


def is_plain_charset(charset: str) -> bool:
    """Tell whether a charset encodes ASCII as ASCII.

    In UTF-7, UTF-16, ISO-2022, EBCDIC and the like, the inspected bytes are not the
    text that an origin decodes, so only one side would see a picture that is encoded in
    them.
    """
    return _CHARSET.fullmatch(charset) is not None


_OF_FIELDS = frozenset(
    {
        "application/x-www-form-urlencoded",
        "application/json",
        "application/xml",
        "text/xml",
    }
)


def is_of_fields(media_type: str | None) -> bool:
    """Tell whether a body of a type says what the fields of a form say.

    Args:
        media_type: In lower case, without parameters.
    """
    return media_type is not None and (
        media_type in _OF_FIELDS or media_type.endswith("+json")
    )
