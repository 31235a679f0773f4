"""Connections to origins, and what is asked and answered on them."""
