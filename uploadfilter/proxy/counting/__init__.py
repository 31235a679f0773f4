"""What happened, as numbers for those who watch."""
