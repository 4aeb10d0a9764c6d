-- Numbers that are given out once.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL DEFAULT 0
);

-- Who may write: the newest holder of each scope.
CREATE TABLE epochs (
    scope TEXT PRIMARY KEY,
    number BIGINT NOT NULL DEFAULT 0
);

-- One row for each build; unfinished while `ended` is NULL. Times are nanoseconds since 1970.
CREATE TABLE builds (
    build BIGINT PRIMARY KEY,
    scope TEXT NOT NULL DEFAULT '',
    project TEXT NOT NULL DEFAULT '',
    builder TEXT NOT NULL DEFAULT '',
    rev TEXT NOT NULL DEFAULT '',
    started BIGINT NOT NULL DEFAULT 0,
    ended BIGINT,
    outcome TEXT,
    summary TEXT
);
CREATE INDEX builds_unfinished ON builds (scope, build) WHERE ended IS NULL;
CREATE INDEX builds_finished ON builds (ended, build) WHERE ended IS NOT NULL;

-- What recovery folds, in order.
CREATE TABLE records (
    build BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (build, seq)
);
