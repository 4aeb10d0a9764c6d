-- What was asked for, as its writer encoded it; empty for a build of the command line. A build that is forgotten is
-- shown no more; its records stay for back-tests until they are old, too.
ALTER TABLE builds ADD COLUMN submission TEXT NOT NULL DEFAULT '';
ALTER TABLE builds ADD COLUMN forgotten BIGINT NOT NULL DEFAULT 0;

-- Pages of builds, newest first, walk one of these.
CREATE INDEX builds_by_project ON builds (project, builder, build);
CREATE INDEX builds_of_project ON builds (project, build);
CREATE INDEX builds_of_builder ON builds (builder, build);
CREATE INDEX builds_of_outcome ON builds (outcome, build);
CREATE INDEX builds_running ON builds (build) WHERE ended IS NULL;
CREATE INDEX builds_by_age ON builds (forgotten, ended, build);

-- Who holds an epoch, and when it was last renewed: milliseconds since 1970 by the database's clock.
ALTER TABLE epochs ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE epochs ADD COLUMN renewed BIGINT NOT NULL DEFAULT 0;

-- Submissions by the key that makes them count once. `digest` is of what was asked for under it.
CREATE TABLE requests (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    build BIGINT NOT NULL
);
CREATE INDEX requests_of_build ON requests (build);

-- Tokens, of which only the digest is known. Times are seconds since 1970.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    expires BIGINT,
    made_by TEXT NOT NULL,
    used BIGINT
);

-- What was done to the service itself: who and when.
CREATE TABLE events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);

-- Which component a plugin was from when on.
CREATE TABLE generations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plugin TEXT NOT NULL,
    digest TEXT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    source TEXT NOT NULL
);
CREATE INDEX generations_of_plugin ON generations (plugin, id);
