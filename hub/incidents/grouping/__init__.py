"""Correlation rules: what an organization wants done with some of its alerts before the hub decides by itself."""
