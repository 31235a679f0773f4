"""The walk through a content, and through all that is in it."""
