"""Show the document of a report: as a page, as PDF and as a table of numbers."""
