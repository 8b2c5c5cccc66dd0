-- What only the administrator of an external Postgres (14 or newer, with pgvector 0.8 or newer) can give the hub: run it
-- with psql in the hub's own, empty database. Running it again sets the passwords and the rights anew. Passwords come
-- from the environment, so that no command line and no history holds them:
--   OVERWATCH_OWNER_PASSWORD=… OVERWATCH_APP_PASSWORD=… psql -d overwatch -f prepare.sql

-- the statements below carry passwords: none may stand in the server's log; where the administrator is no superuser,
-- as with a hosted Postgres, this is refused, and what is logged is for its operator to say
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

\set ON_ERROR_STOP on
-- by the shell: psql's own \getenv is newer than 14
\set owner_password `printf %s "$OVERWATCH_OWNER_PASSWORD"`
\set app_password `printf %s "$OVERWATCH_APP_PASSWORD"`
\set owner_is_missing `test -n "$OVERWATCH_OWNER_PASSWORD"; echo $?`
\set app_is_missing `test -n "$OVERWATCH_APP_PASSWORD"; echo $?`
\if :owner_is_missing
DO $$ BEGIN RAISE 'OVERWATCH_OWNER_PASSWORD is not set'; END $$;
\endif
\if :app_is_missing
DO $$ BEGIN RAISE 'OVERWATCH_APP_PASSWORD is not set'; END $$;
\endif

SELECT format('CREATE ROLE %I', name)
FROM unnest('{overwatch_owner,overwatch_app}'::text[]) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- overwatch_owner owns everything and migrates; overwatch_app is what the hub runs as: it owns nothing, passes no policy
ALTER ROLE overwatch_owner LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE overwatch_app LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'app_password';

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO overwatch_owner, overwatch_app', current_database()) \gexec
SELECT format('GRANT TEMPORARY ON DATABASE %I TO overwatch_owner', current_database()) \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO overwatch_owner;
GRANT USAGE ON SCHEMA public TO overwatch_app;

CREATE EXTENSION IF NOT EXISTS vector;
ALTER EXTENSION vector UPDATE;
