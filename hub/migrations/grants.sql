-- What the runtime role may do: rows, never structure. Laid anew after every migration.
GRANT USAGE ON SCHEMA public TO overwatch_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO overwatch_app;
REVOKE ALL ON alembic_version FROM overwatch_app;
GRANT SELECT ON alembic_version TO overwatch_app;

-- The audit log can be written and read, and nobody but the owner of the database can change what it says.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM overwatch_app;

-- Known through their functions only.
REVOKE ALL ON login_failures, mails FROM overwatch_app;
