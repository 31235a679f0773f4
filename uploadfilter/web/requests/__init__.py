"""One request as it arrived, and the settings that apply to it."""
