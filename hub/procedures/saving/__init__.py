"""Saving what solved an incident as a procedure for the next time."""
