"""The store in memory, and pending writes over it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.rows import fact_key, facts_under, is_message
from processors.state import MemoryStore, Pending

keys = st.binary(max_size=3)
values = st.binary(max_size=1)
names = st.text(max_size=3)


@given(st.dictionaries(keys, values), st.dictionaries(keys, st.none() | values), keys, keys)
def test_pending_writes_lie_over_the_store(
    rows: dict[bytes, bytes], writes: dict[bytes, bytes | None], prefix: bytes, after: bytes
) -> None:
    """A scan and a get see the newest of each row, in key order, whether or not it is committed."""
    store = MemoryStore()
    store.write(dict(rows))
    pending = Pending(store)
    for key, value in writes.items():
        pending.put(key, value, prefix if key.startswith(prefix) else b"")
    merged = {**rows, **{key: value for key, value in writes.items() if key.startswith(prefix)}}
    expected = sorted((k, v) for k, v in merged.items() if v is not None and k.startswith(prefix))
    if prefix:
        assert list(pending.scan(prefix)) == expected
    assert all(pending.get(key) == value for key, value in writes.items())
    assert list(store.scan(prefix, after)) == sorted(
        (k, v) for k, v in rows.items() if k.startswith(prefix) and (not after or k > after)
    )
    store.write(pending.take())
    assert pending.writes == {}
    assert store.get_many(list(writes)) == list(writes.values())


@given(st.lists(st.tuples(names, st.sampled_from([b"m", b"b", b"r"]), names, names)))
def test_facts_have_keys_of_their_own(facts: list[tuple[str, bytes, str, str]]) -> None:
    """No two facts share a key, and no contact's prefix is the beginning of another's."""
    made = {fact_key(facts_under(c.encode(), kind), source, id_): (c, kind) for c, kind, source, id_ in facts}
    assert len(made) == len(set(facts))
    for key, (contact, kind) in made.items():
        assert is_message(key) == (kind == b"m")
        owners = {(c, k) for c, k in made.values() if key.startswith(facts_under(c.encode(), k))}
        assert owners == {(contact, kind)}
