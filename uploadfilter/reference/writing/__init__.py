"""Change the reference set: each change makes a new generation."""
