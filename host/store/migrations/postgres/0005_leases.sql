-- Leases of machines, so that whoever drives the builds next takes them up: entries as their pool encoded them.
CREATE TABLE leases (
    pool TEXT NOT NULL,
    number BIGINT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (pool, number)
);

-- The one row of what is known of the store itself.
CREATE TABLE installation (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
);
