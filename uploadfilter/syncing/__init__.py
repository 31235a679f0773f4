"""The operator's side of a signed set: trust a root once, then sync.

From a folder (a stick) or from HTTPS. Rules this package keeps: nothing is believed
before its signatures are; whatever goes wrong, the set in force stays as it was; and
nothing goes stale in silence.
"""
