-- Lets go of the old versions of rows that were erased, and of what the planner's statistics say of them. Stops nobody. Parameters: name. No rows.
vacuum (skip_locked, truncate false, analyze) keepwatch.$<name:name>;
