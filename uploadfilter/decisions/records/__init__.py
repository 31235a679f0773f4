"""Define the records of the decision log as values, and count them."""
