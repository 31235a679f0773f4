"""Which route a request takes, in whichever way its target is read."""
