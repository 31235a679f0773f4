"""Count events, for operators and monitoring."""
