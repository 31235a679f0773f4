"""Ways to hide one picture behind another."""
