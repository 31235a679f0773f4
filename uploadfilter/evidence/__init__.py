"""How often chance would bring an entry so near to an upload: evidence beyond bits.

A distance alone says little: some pictures lie near many others. So an upload and an
entry are compared with a *cohort*, values of tens of thousands of harmless pictures,
and the result is **E**, the expected number of entries that chance brings so near to
this upload in a set of this size.

Rules this package keeps: it is pure; a figure is never better than the cohort allows;
an upload without candidates costs nothing here; nothing here takes a match away.
"""
