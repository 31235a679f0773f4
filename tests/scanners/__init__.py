"""Scanner processes: real ones, with real pictures and with stand-ins."""
