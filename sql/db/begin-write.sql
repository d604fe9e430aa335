-- Begins a transaction that writes. Compare-and-set under a lock needs read committed, whatever the server's default is. A client that
-- vanishes without a word keeps its locks for 25 to 30 s, not for the two hours that the kernel takes: no other timeout ends a COPY that
-- waits for its client. No parameters, no rows.
begin isolation level read committed;
set local idle_in_transaction_session_timeout = '30s';
set local tcp_keepalives_idle = 10;
set local tcp_keepalives_interval = 5;
set local tcp_keepalives_count = 3;
