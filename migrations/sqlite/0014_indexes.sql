-- Of what devices told, the newest that left nothing out, and the newest silence: found without reading what came since.
CREATE INDEX attendance_coverage_whole ON attendance_coverage (log_id, device, pos) WHERE contiguous_through >= journal_head;
CREATE INDEX attendance_coverage_breaks ON attendance_coverage (log_id, device, pos) WHERE silent = 1 OR going_down = 1;
-- Mostly people act for themselves, and then no actor is named: nothing to look up, and a page less to write.
DROP INDEX duty_event_by_actor;
CREATE INDEX duty_event_by_actor ON duty_event (log_id, actor_id, pos) WHERE actor_id <> '';
