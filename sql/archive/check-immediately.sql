-- Has deferred constraints checked with each statement from now on, in this transaction: their refusals name a row then. No parameters, no rows.
set constraints all immediate;
