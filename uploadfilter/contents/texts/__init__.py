"""Pictures and files that are encoded in text."""
