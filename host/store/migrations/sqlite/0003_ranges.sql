-- Names are read in ranges of their bytes, which is SQLite's own order. With `series` and `kind` in front, this index
-- could be taken for that, although it is only there to find old rows.
DROP INDEX observations_seen;
CREATE INDEX observations_seen ON observations (seen);
