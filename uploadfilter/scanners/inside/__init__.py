"""Run inside a scanner process, with the bytes of a client."""
