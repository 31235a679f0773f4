"""Large pictures, which are made smaller while they are decoded."""
