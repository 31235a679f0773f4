"""The tests; the tree mirrors the package (see CONTRIBUTING.md)."""
