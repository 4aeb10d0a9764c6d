INSERT INTO observations (series, kind, name, seen, newest)
    SELECT id, 1, 'make', 16, x'ff000000000000001000000000000000010000000000000001' FROM series;
