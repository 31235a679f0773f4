"""Search perceptual values by distance, by a scan or by chunks of their bits."""
