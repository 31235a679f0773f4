"""Listeners and connections, and what each client may take of them."""
