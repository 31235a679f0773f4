"""The gate: what a signed set must pass before it is in force.

Rules this package keeps: it is pure; an entry that matches what is known to be harmless
is found, always; what could not be checked is never taken for checked.
"""
