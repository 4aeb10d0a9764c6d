INSERT INTO series (project, builder, host_type) VALUES ('p', 'b', 'h');
INSERT INTO observations (series, kind, name, seen, newest)
    SELECT id, 0, 't', 16, x'ff000000000000001000000000000000010000000000000001' FROM series;
