"""Read PDF documents with PDFium, and show their pages as a reader shows them."""
