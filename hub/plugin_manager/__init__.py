"""Finds, checks and isolates plugins: our own run in the worker, everybody else's in a child that can be killed."""
