"""Files of hash sets to entries, and into the reference set."""
