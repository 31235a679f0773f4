"""Convert samples to colours: profiles, what stands for them, and gain maps."""
