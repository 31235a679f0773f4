"""What the headers of a file say, before anything in it is decoded."""
