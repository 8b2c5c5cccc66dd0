"""Suggestions in the flow: what an incident may need, said when it opens and whenever it is asked."""
