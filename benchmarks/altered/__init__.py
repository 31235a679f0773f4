"""How many altered copies are found by evidence, and how often chance does the same."""
