CREATE INDEX directory_record_by_code ON directory_record (log_id, noun, code, pos);
