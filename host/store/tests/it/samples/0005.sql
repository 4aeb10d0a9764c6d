INSERT INTO leases (pool, number, entry) VALUES ('lab', 7, '{"lease":1}');
INSERT INTO installation (one, id) VALUES (1, 'a1');
