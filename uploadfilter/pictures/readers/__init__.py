"""One module for each way to get frames out of an opened file."""
