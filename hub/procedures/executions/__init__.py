"""Executions: one run of a procedure by people, step by step; the hub itself runs nothing."""
