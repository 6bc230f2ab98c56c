"""The durable record: store, plans, changes, approvals, runs, logs, stack records, audit trail, locks."""
