"""Endings of names by which programs of an origin open a picture.

A part of a form is claimed to be one by its name, before anything is scanned
(``uploads/head/codings.py``); a scanner proposes it as one
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
"""Pictures that ImageMagick opens by their name alone, since they have no magic, or
none that it asks for. ``tests/e2e/test_kinds.py`` asks the program for its list."""
