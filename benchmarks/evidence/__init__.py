"""Is E right? Unrelated pictures are compared, and counted by their predicted E."""
