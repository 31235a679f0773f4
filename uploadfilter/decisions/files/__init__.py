"""Write, read, verify and delete the files of the decision log."""
