-- Finishes a detachment that was cut off. Parameters: parent, name. No rows.
alter table keepwatch.$<parent:name> detach partition keepwatch.$<name:name> finalize;
