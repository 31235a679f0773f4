"""Large pictures, which are reduced while they are decoded."""
