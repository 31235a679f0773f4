"""Recognize the kind of a content by its first bytes."""
