"""Send requests to origins, and read their answers."""
