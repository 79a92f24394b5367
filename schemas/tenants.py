"""The tenant's record: how its guests' phones, times and words are read."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.base import Name, PropertyId, TenantId

Region = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2")]
Zone = Annotated[str, Meta(min_length=1, max_length=64, description="an IANA time zone")]


class Property(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One hotel or outlet; what it leaves out is the tenant's.

    {"region": "ID", "zone": "Asia/Makassar"}
    """

    region: Region | None = None
    zone: Zone | None = None
    name: Name | None = None


class Tenant(Struct, frozen=True, kw_only=True):
    """One business account.

    {"tenant": "bali-resorts", "region": "ID", "zone": "Asia/Makassar", "phone_format": "plus",
     "properties": {"ubud": {"region": "ID", "zone": "Asia/Makassar"}},
     "opt_out_words": ["DECLINE"], "opt_in_words": ["DAFTAR"], "chat_stop_words": false,
     "help_reply": "Bali Resorts, call us", "opt_out_reply": "You will get no more messages.",
     "opt_in_reply": "Welcome back."}
    """

    tenant: TenantId
    region: Region | None = None
    zone: Zone = "UTC"
    phone_format: Literal["plus", "digits"] = "plus"
    name: Name | None = None
    properties: dict[PropertyId, Property] = {}
    opt_out_words: list[Name] = []
    opt_in_words: list[Name] = []
    chat_stop_words: bool = False
    help_reply: str | None = None
    opt_out_reply: str | None = None
    opt_in_reply: str | None = None
