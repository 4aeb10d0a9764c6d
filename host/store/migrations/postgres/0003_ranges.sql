-- Names are read in ranges of their bytes, whatever the database's own order. With `series` and `kind` in front, this
-- index could be taken for that, although it is only there to find old rows.
ALTER TABLE observations ALTER COLUMN name TYPE TEXT COLLATE "C";
DROP INDEX observations_seen;
CREATE INDEX observations_seen ON observations (seen);
