-- The kind of the entry that brought a revision: who reads the feed need not ask the ledger for it.
ALTER TABLE result_revision ADD COLUMN kind BIGINT;
UPDATE result_revision SET kind = e.kind FROM ledger_entry e
WHERE e.log_id = result_revision.log_id AND e.pos = result_revision.pos;
ALTER TABLE result_revision ALTER COLUMN kind SET NOT NULL;
