"""What kind of content bytes are, by how they begin."""
