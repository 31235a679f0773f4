"""Read the headers of a file before anything in it is decoded."""
