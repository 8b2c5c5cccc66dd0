"""The people of an organization: invited, changed, suspended, removed; and what each sees of the own account."""
