"""From matches to a decision, and from a decision to a durable record."""
