"""Small files that cost a careless filter seconds or gigabytes."""
