"""Asking origins, and passing on what they answer."""
