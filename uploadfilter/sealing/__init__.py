"""What an operator keeps about rejected uploads, and only the police can read."""
