"""The signed set: what the issuer's tools write and an operator's sync reads.

Values in, values out. Who may sign what (``roles``), what the signed files say
(``manifest``, ``operations``), how they are signed and whose signatures are missing
(``metadata``), and how fresh they are (``freshness``). The normative text is
``hashsets/FORMAT.md``, section 9.

Metadata is that of The Update Framework (https://theupdateframework.io/specification),
as python-tuf writes and verifies it.
"""
