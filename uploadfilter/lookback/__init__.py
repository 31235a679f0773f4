"""Look back: compute the signals of what an origin stores, and match them later."""
