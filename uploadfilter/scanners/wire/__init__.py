"""Messages between the proxy and scanner processes."""
