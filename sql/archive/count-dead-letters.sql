-- Corrects the counts of a batch, of which some rows turned out to be refused. Parameters: sourceId, lane, archived, rolledUp, quarantined,
-- and events: how many of each kind were refused in all. No rows.
update keepwatch.ledger
set archived = archived - $<archived>, rolled_up = rolled_up - $<rolledUp>, quarantined = quarantined - $<quarantined>, dead_lettered = dead_lettered + $<events>
where source_id = $<sourceId> and lane = $<lane>;
