"""What uploads cost by their coding and protocol, and what slow ones do to others."""
