"""Choose the route of a request, for every reading of its target."""
