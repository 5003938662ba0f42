-- When the turn began that the tool is in the middle of; null between turns.
ALTER TABLE executions ADD COLUMN turn_at INTEGER;
