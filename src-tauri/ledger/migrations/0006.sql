CREATE INDEX swaps_decision ON swaps (decision) WHERE decision IS NOT NULL;
