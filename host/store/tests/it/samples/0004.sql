INSERT INTO builds (build, scope, project, builder, rev, started, submission)
    VALUES (3, 'main', 'p', 'b', 'r3', 40, '{"tree":1}');
INSERT INTO requests (key, digest, build) VALUES ('k', 'd', 3);
INSERT INTO tokens (id, name, scopes, digest, created, made_by) VALUES ('i', 'n', 'read', 'ab', 5, 'w');
INSERT INTO events (at, who, kind, subject, detail) VALUES (6, 'w', 'reload', 's', '{}');
INSERT INTO generations (plugin, digest, at, who, source) VALUES ('pytest', 'sha256:1', 7, 'w', 'file');
UPDATE epochs SET holder = 'h', renewed = 8 WHERE scope = 'main';
UPDATE counters SET value = 3 WHERE name = 'build';
