-- Limit resets that an account has in hand, as last told, and when its provider was last asked for them.
CREATE TABLE limit_resets (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    resets  TEXT NOT NULL
) STRICT;
