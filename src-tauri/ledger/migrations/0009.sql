-- How a session may go on although its account is out: at low priority, or to the end of its turn.
ALTER TABLE skips ADD COLUMN softer TEXT;
