"""Convert samples to colours: profiles, code points, curves and gain maps."""
