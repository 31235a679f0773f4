"""The known-good corpus that comes with the program, and how it is made."""
