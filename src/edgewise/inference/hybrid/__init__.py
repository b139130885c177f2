"""Hybrid inference: an encoder that was taught by the exact posterior answers at once, and the posterior when asked."""
