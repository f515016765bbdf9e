-- With what releases a wait before the feed, a question by key finds the log alone in this index. Where nobody had counted yet,
-- PostgreSQL took it for as good as the primary key, and read all waits of a log for each key.
DROP INDEX result_wait_due;
CREATE INDEX result_wait_due ON result_wait (log_id, clock, feed, threshold, room, key);
