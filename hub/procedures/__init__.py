"""Procedures: runbooks with their versions and steps, their import, and their executions by people."""
