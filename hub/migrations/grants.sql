-- What the runtime role may do: rows, never structure. Laid anew after every migration.
GRANT USAGE ON SCHEMA public TO overwatch_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO overwatch_app;
REVOKE ALL ON alembic_version FROM overwatch_app;
GRANT SELECT ON alembic_version TO overwatch_app;
