"""Known-good corpora: signals of harmless files, which no hash set may list.

Built from folders, or out of lists of others (NSRL, HashKeeper, EnCase). Rules this
package keeps: a corpus is never matched against uploads; it holds signals and no
picture, name or path; what is damaged or missing is an error, never an empty corpus.
"""
