"""Programs that answer requests of every kind, in three languages."""
