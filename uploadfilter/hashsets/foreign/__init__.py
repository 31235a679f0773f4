"""Hash-set files of others, record by record."""
