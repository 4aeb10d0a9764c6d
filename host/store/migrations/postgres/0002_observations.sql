-- Durations are never mixed across these three.
CREATE TABLE series (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project TEXT NOT NULL,
    builder TEXT NOT NULL,
    host_type TEXT NOT NULL,
    UNIQUE (project, builder, host_type)
);

-- One row for each test or phase of a series. `newest` packs its newest observations, newest first, so that the
-- history of 100,000 tests is read in one pass; `seen` is the newest one's time, in seconds since 1970.
CREATE TABLE observations (
    series BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    name TEXT NOT NULL,
    seen BIGINT NOT NULL,
    newest BYTEA NOT NULL,
    PRIMARY KEY (series, kind, name)
);
CREATE INDEX observations_seen ON observations (series, kind, seen);
