"""Who may do what: users, organizations, sessions, roles."""
