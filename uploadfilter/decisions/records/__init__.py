"""The records of the decision log as values, and what is counted of them."""
