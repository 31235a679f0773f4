"""What is done with each request: refused, passed on, or taken as an upload."""
