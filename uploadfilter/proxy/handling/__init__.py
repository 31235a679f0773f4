"""Handle each request: refuse it, forward it, or treat it as an upload."""
