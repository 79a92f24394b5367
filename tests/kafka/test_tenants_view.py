"""What normalize knows of tenants is never older than the chunk, and is known without waiting for records."""

from __future__ import annotations

import aiokafka
import msgspec

from schemas.tenants import Tenant
from streams.runtime.tenants_view import TenantsView
from streams.settings import Settings


async def test_what_was_committed_before_is_known(settings: Settings) -> None:
    """A refresh knows a record that was written before it began, and forgets one that was taken away."""
    view = TenantsView(settings)
    await view.start()
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=settings.bootstrap, acks="all")
    await producer.start()
    try:
        record = msgspec.json.encode(Tenant(tenant="bali", region="ID"))
        for value, known in ((record, ["bali"]), (None, [])):
            await producer.send_and_wait(settings.topic_prefix + "tenants", value, key=b"bali")
            await view.refresh()
            assert list(view.tenants) == known
    finally:
        await producer.stop()
        await view.stop()


async def test_ends_are_not_asked_behind_a_waiting_fetch(settings: Settings) -> None:
    """The connection that asks for ends fetches nothing: a broker answers a connection's requests one by one."""
    view = TenantsView(settings)
    await view.start()
    try:
        assert view._consumer.assignment()
        assert not view._ends.assignment()
    finally:
        await view.stop()
