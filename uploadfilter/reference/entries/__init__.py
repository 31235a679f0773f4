"""The entries of hash sets as values: columns, changes, and withdrawals."""
