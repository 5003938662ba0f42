-- Windows that emptied before their reset.
CREATE TABLE falls (
    account INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    before  REAL    NOT NULL,
    after   REAL    NOT NULL,
    due     INTEGER NOT NULL,
    cause   TEXT    NOT NULL,
    PRIMARY KEY (account, at, kind)
) STRICT, WITHOUT ROWID;
