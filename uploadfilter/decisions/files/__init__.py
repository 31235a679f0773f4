"""Write, read, verify and delete the files of the decision log.

A file that cannot be read is a ``LogError``, a damaged one a ``LogCorruptError``, and
one that cannot be written a ``LogWriteError``.
"""
