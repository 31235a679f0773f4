"""What a client is told when its request is not forwarded, in its language."""
