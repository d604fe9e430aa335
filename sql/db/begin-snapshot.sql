-- Begins a transaction that only reads, and in which every statement sees the same moment. No parameters, no rows.
begin isolation level repeatable read, read only;
set local idle_in_transaction_session_timeout = '30s';
set local tcp_keepalives_idle = 10;
set local tcp_keepalives_interval = 5;
set local tcp_keepalives_count = 3;
