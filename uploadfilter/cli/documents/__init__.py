"""The JSON of the commands as types, of which each has a JSON schema.

``DOCUMENTS`` (``table.py``) names the type of each command; ``make schemas`` writes
their schemas to ``docs/json``, and the tests of the command line hold everything that a
command prints to them. Keys may be added, never renamed.

Rules this package keeps: it holds types only, and no command loads it.
"""
