"""List file name endings that make programs of an origin open a picture.

A name with such an ending claims that a part of a form is a picture, before anything is
scanned (``uploads/head/codings.py``); a scanner then tries it as one
(``contents/kinds/proposals.py``).
"""

from typing import Final

PICTURES_BY_NAME: Final = frozenset(
    {
        *("aai", "art", "avs", "bie", "cut", "fax", "g3", "g4", "group4", "hrz"),
        *("ipl", "jbg", "jbig", "jnx", "mac", "mtv", "otb", "palm", "pcd", "pcds"),
        *("pct", "pict", "pix", "pwp", "rgf", "rla", "rle", "scr", "sct", "six"),
        *("sixel", "tim", "tm2", "wbmp", "xwd"),
    }
)
"""Endings of pictures that ImageMagick opens by name, because they have no magic or it
ignores the magic. ``tests/e2e/test_kinds.py`` asks the program for its list."""
