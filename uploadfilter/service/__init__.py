"""The service: composed out of its edges, followed, reloaded, and ended in order."""
