-- Tools at work, what they reported, and who may not be chosen for a while.
CREATE TABLE executions (
    id            TEXT PRIMARY KEY,
    provider      TEXT NOT NULL,
    account       INTEGER,
    lane          INTEGER,
    generation    INTEGER NOT NULL DEFAULT 0,
    source        TEXT NOT NULL CHECK (source IN ('wrapper', 'hook')),
    conversation  TEXT,
    label         TEXT,
    folder        TEXT,
    program       TEXT NOT NULL,
    -- Names of environment variables that outrank the chosen account; JSON list, null when none.
    shadowed      TEXT,
    state         TEXT NOT NULL
                  CHECK (state IN ('starting', 'running', 'finished', 'orphaned')),
    host          TEXT NOT NULL,
    boot          TEXT NOT NULL,
    namespace     INTEGER,
    wrapper_pid   INTEGER,
    wrapper_start INTEGER,
    child_pid     INTEGER,
    child_start   INTEGER,
    attempts      INTEGER NOT NULL DEFAULT 1,
    started_at    INTEGER NOT NULL,
    finished_at   INTEGER,
    exit_code     INTEGER,
    end_reason    TEXT
) STRICT;
CREATE INDEX executions_open ON executions (provider, account, started_at)
    WHERE state IN ('starting', 'running');
CREATE INDEX executions_started ON executions (provider, started_at);
CREATE INDEX executions_finished ON executions (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX executions_conversation ON executions (conversation) WHERE conversation IS NOT NULL;

-- account 0 is the whole provider.
CREATE TABLE caps (
    provider   TEXT NOT NULL,
    account    INTEGER NOT NULL DEFAULT 0,
    concurrent INTEGER,
    per_hour   INTEGER,
    per_day    INTEGER,
    PRIMARY KEY (provider, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE failures (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    dedupe      TEXT NOT NULL UNIQUE,
    execution   TEXT,
    account     INTEGER NOT NULL,
    lane        INTEGER,
    generation  INTEGER,
    kind        TEXT NOT NULL,
    model       TEXT,
    source      TEXT NOT NULL,
    failed_at   INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    resets_at   INTEGER,
    verdict     TEXT
) STRICT;
CREATE INDEX failures_account ON failures (account, failed_at);
CREATE INDEX failures_received ON failures (received_at);

-- One row per account: its newest failure and what has been learnt since.
CREATE TABLE skips (
    account   INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    model     TEXT,
    failed_at INTEGER NOT NULL,
    resets_at INTEGER,
    -- Newest positive evidence that the account serves.
    served_at INTEGER
) STRICT;

CREATE TABLE breakers (
    account INTEGER PRIMARY KEY,
    state   TEXT NOT NULL
) STRICT;

CREATE TABLE activity (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX activity_at ON activity (at);
CREATE INDEX swaps_target ON swaps (to_account, at);
CREATE INDEX decisions_active ON decisions (active, id);
CREATE INDEX decisions_target ON decisions (target, id) WHERE target IS NOT NULL;
