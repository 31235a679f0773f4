"""The gate: what a signed set must pass before it is in force.

Rules this package keeps: it is pure; an entry that matches a known-good file or picture
is always found; an entry that could not be compared never counts as compared.
"""
