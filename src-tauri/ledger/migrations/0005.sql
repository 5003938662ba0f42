-- A session that follows the machine's own seat uses the account that is live, not that of its start.
ALTER TABLE executions ADD COLUMN follows INTEGER NOT NULL DEFAULT 0;
-- Which account of which generation it used when its last turn began.
ALTER TABLE executions ADD COLUMN turn_account INTEGER;
ALTER TABLE executions ADD COLUMN turn_generation INTEGER;
-- The numbers its status line showed last, and the generation whose account answered with them.
ALTER TABLE executions ADD COLUMN shown TEXT;
UPDATE executions SET follows = 1
WHERE provider = 'claude' AND shadowed IS NULL
  AND lane IN (SELECT id FROM lanes WHERE name = 'default');
