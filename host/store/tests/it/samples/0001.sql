INSERT INTO counters (name, value) VALUES ('build', 2);
INSERT INTO epochs (scope, number) VALUES ('main', 4);
INSERT INTO builds (build, scope, project, builder, rev, started, ended, outcome, summary)
    VALUES (1, 'main', 'p', 'b', 'r1', 10, 20, 'failed', '{}');
INSERT INTO builds (build, scope, project, builder, rev, started) VALUES (2, 'main', 'p', 'b', 'r2', 30);
INSERT INTO records (build, seq, json) VALUES (2, 1, '{"b":2}'), (2, 0, '{"a":1}'), (1, 0, '{}');
