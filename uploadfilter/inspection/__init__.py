"""Take an upload from its head to its record: admit, hold, inspect, record."""
