-- Keeps a detached partition from being dropped while it is counted. Parameters: name. No rows.
lock table keepwatch.$<name:name> in access share mode;
