"""Decide from matches, and make the decision a durable record."""
