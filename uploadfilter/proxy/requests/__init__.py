"""One request as it came, and the settings under which it is treated."""
