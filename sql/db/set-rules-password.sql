-- Gives keepwatch_rules its password. $<verifier>: as pg_authid stores it, so that the password itself is in no log. No rows.
alter role keepwatch_rules password $<verifier>
