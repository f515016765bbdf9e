-- As on PostgreSQL, which took this index for a question by key.
DROP INDEX result_wait_due;
CREATE INDEX result_wait_due ON result_wait (log_id, clock, feed, threshold, room, key);
-- What the planner takes it for.
DELETE FROM sqlite_stat1 WHERE idx = 'result_wait_due';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('result_wait', 'result_wait_due', '1000000 500000 500 500 10 10 1');
ANALYZE sqlite_schema;
