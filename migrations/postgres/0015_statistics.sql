-- PostgreSQL gathers statistics by itself (autovacuum); what SQLite is told stands in its own migration.
SELECT 1;
