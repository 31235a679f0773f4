"""Answers to clients whose request is not forwarded, in their language."""
