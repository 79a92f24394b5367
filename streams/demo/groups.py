"""The demo's tenant, its six groups, and the commands that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from schemas.base import moment
from schemas.commands import (
    ContactRef,
    GroupAdd,
    GroupAddData,
    GroupCreate,
    GroupCreateData,
    GroupRemove,
    GroupRemoveData,
    TenantPut,
    TenantPutData,
)
from schemas.tenants import Property, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.demo.guests import Guest

TENANT_ID = "demo-hotels"
TENANT = Tenant(
    tenant=TENANT_ID,
    name="Demo Hotels",
    region="PT",
    zone="Europe/Lisbon",
    properties={
        "city": Property(name="City Hotel Lisbon", region="PT", zone="Europe/Lisbon"),
        "resort": Property(name="Resort Bali", region="ID", zone="Asia/Makassar"),
    },
)

GROUPS: tuple[GroupCreateData, ...] = (
    GroupCreateData(
        id="happy-guests",
        name="Happy guests",
        description="Gave 4 stars or more in the last 6 months.",
        rule={"event": "rating", "min_stars": 4, "within": "P6M"},
    ),
    GroupCreateData(
        id="food-lovers",
        name="Food lovers",
        description="Wrote of a restaurant or of dinner, in four languages, in the last 3 months.",
        rule={
            "event": "message",
            "any_of": ["restaurant", "dinner", "abendessen", "ristorante", "cena", "餐厅", "餐馆", "晚餐"],
            "within": "P3M",
        },
    ),
    GroupCreateData(
        id="pet-friends",
        name="Pet friends",
        description="Asked for pet friendly rooms or whether they can bring pets, in the last 6 months.",
        rule={"event": "message", "any_of": ["pet friendly", "bring pet"], "within": "P6M"},
    ),
    GroupCreateData(
        id="luxury-rooms",
        name="Luxury rooms",
        description="Stayed or will stay in a luxury room; leave 9 months after check-out.",
        rule={"event": "booking", "room_types": ["Pool Villa", "Grand Suite"], "within": "P9M"},
    ),
    GroupCreateData(
        id="unhappy-guests",
        name="Unhappy guests",
        description="The latest rating of the last 9 months is 3 stars or below.",
        rule={"event": "rating", "max_stars": 3, "mode": "latest", "within": "P9M"},
    ),
    GroupCreateData(id="vip", name="VIP", description="Chosen by hand.", rule={"event": "manual"}),
)

VIPS = 10
"""How many guests end up as VIP; one more is added and taken out again."""

Record = tuple[str, bytes, bytes]
"""A topic's short name, a key and a value."""


def months(group: str) -> int:
    """Return the length of a group's window in calendar months."""
    rule = next(data.rule for data in GROUPS if data.id == group) or {}
    return int(rule["within"].strip("PM"))


def setup(now_ms: int) -> Iterator[Record]:
    """Make the tenant, then its groups; wait for the first one's outcome before feeding events."""
    put = TenantPutData(**msgspec.structs.asdict(TENANT), by="demo")
    yield _record(TenantPut(data=put, **_envelope("tenant", now_ms)))
    for data in GROUPS:
        create = msgspec.structs.replace(data, by="demo")
        yield _record(GroupCreate(data=create, **_envelope(f"create-{data.id}", now_ms)))


def pick_vips(now_ms: int, everyone: Sequence[Guest]) -> Iterator[Record]:
    """Add the VIPs by id or by phone as somebody typed it, and think better of one of them."""
    chosen = [guest for guest in everyone if guest.phone][:: max(1, len(everyone) // (VIPS + 4))][: VIPS + 1]
    add = GroupAddData(group="vip", contacts=[_ref(guest) for guest in chosen], by="demo")
    yield _record(GroupAdd(data=add, **_envelope("vip-add", now_ms)))
    remove = GroupRemoveData(group="vip", contacts=[_ref(chosen[-1])], by="demo")
    yield _record(GroupRemove(data=remove, **_envelope("vip-remove", now_ms + 1)))


def _ref(guest: Guest) -> ContactRef:
    # no country goes with a command: abroad's forms are read alike everywhere
    return ContactRef(id=guest.contact) if guest.number % 3 == 0 else ContactRef(phone=guest.abroad[guest.number % 3])


def _envelope(name: str, at: int) -> dict[str, Any]:
    return {"specversion": "1.0", "source": "demo", "id": f"{name}-{at}", "time": moment(at), "tenant": TENANT_ID}


def _record(command: TenantPut | GroupCreate | GroupAdd | GroupRemove) -> Record:
    return "commands", TENANT_ID.encode(), msgspec.json.encode(command)
