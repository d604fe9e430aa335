-- Ends the statement that a session is running. Parameters: pid. One row: cancelled.
select pg_cancel_backend($<pid>) as cancelled;
