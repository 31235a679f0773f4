"""Carry WebSockets to an origin, on routes that allow them, and inspect messages."""
