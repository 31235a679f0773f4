"""Checking logs and reports on the command line."""
