"""The stream: three hops, each a process that scales alone, joined by topics; decide also answers what only it knows.

```
 bookings ─┐                                      ┌─────────────┐ facts on the move, links,
 ratings  ─┤                                      ▼             │ definitions, ticks
 messages ─┼─▶ normalize ─▶ contact-activity ─▶ decide ─────────┘──▶ membership-changes (the log)
 commands ─┘       │         one log, one owner,   one commit =      memberships, contacts, groups, tenants (tables)
                   ▼         one clock             one transaction   replies, outcomes, notices, decide-changelog
              dead-letters                                                  │
                                           HTTP, CLI, console ◀─ store ◀────┘

 beside it, what only owners know:   store ─▶ questions ─▶ answer (in decide) ─▶ answers ─▶ store
```

`topology.py` says the same as a value. `raw_to_activity.py`, `activity_to_changes.py` and `changes_to_store.py` are the
hops, `questions_to_answers.py` is what owners are asked beside them; `runtime/` is the only code that imports Faust,
Kafka clients and RocksDB; `store/`, `web/` and `cli/` are what people use, and `demo/` is sample data.
"""
