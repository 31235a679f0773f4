"""Known-good corpora: signals of harmless files that no hash set may list.

They are built from folders, or from lists of others (NSRL, HashKeeper, EnCase). Rules
this package keeps: a corpus is never matched against uploads; it holds signals and no
picture, name or path; damaged or missing data is an error, never an empty corpus.
"""
