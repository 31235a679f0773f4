"""Benchmarks: answers to questions about cost, each with its peers beside it.

``python -m benchmarks NAME`` runs one; ``README.md`` lists the questions.
"""
