"""Read hash-set files in foreign formats, record by record."""
