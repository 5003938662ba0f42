CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    provider      TEXT NOT NULL,
    key           TEXT NOT NULL,
    label         TEXT NOT NULL,
    email         TEXT,
    organization  TEXT,
    plan          TEXT NOT NULL DEFAULT '{}',
    enabled       INTEGER NOT NULL DEFAULT 1,
    automatic     INTEGER NOT NULL DEFAULT 1,
    position      INTEGER NOT NULL DEFAULT 0,
    login         TEXT NOT NULL DEFAULT '"unverified"',
    login_ends_at INTEGER,
    added_at      INTEGER NOT NULL,
    removed_at    INTEGER,
    UNIQUE (provider, key)
) STRICT;

CREATE TABLE activity (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;

CREATE TABLE breakers (
    account INTEGER PRIMARY KEY,
    state   TEXT NOT NULL
) STRICT;

CREATE TABLE caps (
    provider   TEXT NOT NULL,
    account    INTEGER NOT NULL DEFAULT 0,
    concurrent INTEGER,
    per_hour   INTEGER,
    per_day    INTEGER,
    PRIMARY KEY (provider, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision_details (
    decision   INTEGER PRIMARY KEY,
    reason     TEXT NOT NULL,
    candidates TEXT NOT NULL,
    world      TEXT
) STRICT;

CREATE TABLE decisions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    provider   TEXT NOT NULL,
    lane       INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    trigger    TEXT NOT NULL,
    action     TEXT NOT NULL,
    active     INTEGER,
    target     INTEGER,
    best       INTEGER,
    sentence   TEXT NOT NULL,
    digest     TEXT NOT NULL
) STRICT;

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
, turn_at INTEGER, follows INTEGER NOT NULL DEFAULT 0, turn_account INTEGER, turn_generation INTEGER, shown TEXT) STRICT;

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

CREATE TABLE lanes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    provider   TEXT NOT NULL,
    name       TEXT NOT NULL,
    folder     TEXT,
    active     INTEGER REFERENCES accounts (id),
    generation INTEGER NOT NULL DEFAULT 0,
    since      INTEGER,
    model      TEXT,
    automatic  INTEGER NOT NULL DEFAULT 1,
    gates      TEXT NOT NULL DEFAULT '{}',
    UNIQUE (provider, name)
) STRICT;

CREATE TABLE marks (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    cause   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    notice  TEXT NOT NULL,
    told_at INTEGER
) STRICT;

CREATE TABLE requests (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    account     INTEGER,
    host        TEXT NOT NULL,
    path        TEXT NOT NULL,
    status      INTEGER,
    budget_left INTEGER,
    note        TEXT
) STRICT;

CREATE TABLE samples (
    id              INTEGER PRIMARY KEY,
    account         INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    source          TEXT NOT NULL,
    five_hour       REAL,
    five_hour_reset INTEGER,
    seven_day       REAL,
    seven_day_reset INTEGER,
    -- Models and credits as JSON; null when the account has neither.
    rest            TEXT
) STRICT;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE skips (
    account   INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    model     TEXT,
    failed_at INTEGER NOT NULL,
    resets_at INTEGER,
    -- Newest positive evidence that the account serves.
    served_at INTEGER
) STRICT;

CREATE TABLE snoozes (
    cause TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE standing (
    account  INTEGER PRIMARY KEY,
    usage    TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE stranded (
    account   INTEGER NOT NULL,
    resets_at INTEGER NOT NULL,
    unused    REAL NOT NULL,
    p50       REAL,
    p90       REAL,
    PRIMARY KEY (account, resets_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE swap_steps (
    swap INTEGER NOT NULL REFERENCES swaps (id) ON DELETE CASCADE,
    n    INTEGER NOT NULL,
    step TEXT NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (swap, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE swaps (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    at                INTEGER NOT NULL,
    lane              INTEGER NOT NULL REFERENCES lanes (id),
    generation        INTEGER NOT NULL,
    provider          TEXT NOT NULL,
    from_account      INTEGER,
    to_account        INTEGER NOT NULL,
    asked_by          TEXT NOT NULL,
    trigger           TEXT NOT NULL,
    reason            TEXT NOT NULL,
    decision          INTEGER,
    intent            TEXT NOT NULL DEFAULT 'null',
    status            TEXT NOT NULL DEFAULT 'pending'
                      CHECK (status IN ('pending', 'committed', 'failed')),
    settled_at        INTEGER,
    residency_seconds INTEGER,
    usage_from        TEXT,
    usage_to          TEXT,
    error             TEXT
) STRICT;

CREATE TABLE vintages (
    account     INTEGER NOT NULL REFERENCES accounts (id),
    vintage     INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    stored_at   INTEGER NOT NULL,
    PRIMARY KEY (account, vintage)
) STRICT, WITHOUT ROWID;

CREATE INDEX activity_at ON activity (at);

CREATE INDEX decisions_action ON decisions (action, id);

CREATE INDEX decisions_active ON decisions (active, id);

CREATE INDEX decisions_at ON decisions (at);

CREATE INDEX decisions_provider ON decisions (provider, id);

CREATE INDEX decisions_target ON decisions (target, id) WHERE target IS NOT NULL;

CREATE INDEX decisions_trigger ON decisions (trigger, id);

CREATE INDEX executions_conversation ON executions (conversation) WHERE conversation IS NOT NULL;

CREATE INDEX executions_finished ON executions (finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX executions_open ON executions (provider, account, started_at)
    WHERE state IN ('starting', 'running');

CREATE INDEX executions_started ON executions (provider, started_at);

CREATE INDEX failures_account ON failures (account, failed_at);

CREATE INDEX failures_received ON failures (received_at);

CREATE INDEX outbox_cause ON outbox (cause, at);

CREATE INDEX outbox_untold ON outbox (at) WHERE told_at IS NULL;

CREATE INDEX requests_at ON requests (at);

CREATE INDEX requests_budget ON requests (account, kind, at);

CREATE INDEX samples_account_at ON samples (account, at);

CREATE INDEX samples_at ON samples (at);

CREATE INDEX stranded_resets ON stranded (resets_at);

CREATE UNIQUE INDEX swaps_pending ON swaps (lane) WHERE status = 'pending';

CREATE INDEX swaps_status_at ON swaps (status, at);

CREATE INDEX swaps_target ON swaps (to_account, at);
