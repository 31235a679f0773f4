"""Parse files of hash sets into entries, and import them into the reference set."""
