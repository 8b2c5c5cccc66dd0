"""Figures: how many, how fast, how much noise; for whom, where, and in which period."""
