"""An upload from its head to its record: let in, held, inspected, put on record."""
