"""The proxy's end: processes, who is scanned next, and what a scan came to."""
