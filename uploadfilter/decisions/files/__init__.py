"""The files of the decision log: written, read, verified and deleted."""
