"""PDF documents: their pictures, as stored and as painted, and attached files."""
