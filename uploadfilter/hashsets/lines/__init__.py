"""Read hash-set files of lines: our own formats, lists, and rows of CSV."""
