"""What the proxy and a scanner process say to each other."""
