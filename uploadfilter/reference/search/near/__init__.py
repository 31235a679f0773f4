"""Find rows that lie beyond the threshold, by soft views of an upload."""
