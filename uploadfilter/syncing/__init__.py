"""The operator's side of a signed set: trust a root once, then sync.

The set comes from a folder (a stick) or over HTTPS. Rules this package keeps: no data
is used before its signatures are verified; if anything goes wrong, the set in force
stays as it was; and a set that is not fresh any more is always reported.
"""
