CREATE TABLE attendance_loss (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    journal BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE attendance_loss_signature (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    loss BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    journal BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE attendance_declared_coverage (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    complete_through_ms BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
