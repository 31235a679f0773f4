"""The signed set: what the issuer's tools write and an operator's sync reads.

It takes values and returns values: who may sign (``roles``), the content of the signed
files (``manifest``, ``operations``), their signatures and which are missing
(``metadata``), and how fresh they are (``freshness``). What an issuer may not do is an
``IssuerError``. The normative text is ``hashsets/FORMAT.md``, section 9.

The metadata is that of The Update Framework
(https://theupdateframework.io/specification), as python-tuf writes and verifies it.
"""
