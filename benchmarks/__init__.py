"""Answers to questions about cost, each with its peers beside it.

``python -m benchmarks NAME`` runs one; see ``README.md`` for the questions.
"""
