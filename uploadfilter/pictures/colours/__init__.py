"""What samples mean as colours: profiles, code points, curves and gain maps."""
