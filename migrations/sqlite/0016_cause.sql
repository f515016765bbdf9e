-- The kind of the entry that brought a revision: who reads the feed need not ask the ledger for it.
CREATE TABLE result_revision_with_kind (
    log_id INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    key BLOB NOT NULL,
    revision INTEGER NOT NULL,
    content BLOB,
    tombstone INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    PRIMARY KEY (log_id, feed, room, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO result_revision_with_kind (log_id, feed, room, seq, pos, key, revision, content, tombstone, kind)
SELECT r.log_id, r.feed, r.room, r.seq, r.pos, r.key, r.revision, r.content, r.tombstone, e.kind
FROM result_revision r JOIN ledger_entry e ON e.log_id = r.log_id AND e.pos = r.pos;
DROP TABLE result_revision;
ALTER TABLE result_revision_with_kind RENAME TO result_revision;
CREATE UNIQUE INDEX result_revision_of ON result_revision (log_id, feed, room, key, revision);
-- What the planner takes the table for went with the old one.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('result_revision', 'result_revision_of', '1000000 500000 500000 100000 100 1'),
    ('result_revision', 'result_revision', '1000000 500000 500000 100000 1');
ANALYZE sqlite_schema;
