"""Count what decision logs hold, and make a report of it that anybody can check."""
