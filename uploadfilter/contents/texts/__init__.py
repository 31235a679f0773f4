"""Pictures and files that stand encoded in text."""
