"""Measurements of a hub in processes of its own: what it bears, what it costs, what it loses (nothing)."""
