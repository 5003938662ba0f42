-- What was left of each weekly window at its reset, and what had been foreseen a day before.
CREATE TABLE stranded (
    account   INTEGER NOT NULL,
    resets_at INTEGER NOT NULL,
    unused    REAL NOT NULL,
    p50       REAL,
    p90       REAL,
    PRIMARY KEY (account, resets_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX stranded_resets ON stranded (resets_at);
