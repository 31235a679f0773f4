"""Walk through a content and all contents in it."""
