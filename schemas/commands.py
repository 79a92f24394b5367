"""What people, flows and imports ask for: one struct a row of the contract's commands table."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.base import ContactId, GroupId, Moment, Name, PropertyId, TenantId
from schemas.events import Envelope
from schemas.tenants import Tenant

AddReason = Literal["manual", "import", "keyword", "flow", "bulk"]


class ContactRef(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One contact, by its id or by a phone as people write it.

    {"phone": "0812-3456-7890"}
    """

    id: ContactId | None = None
    phone: Name | None = None


ContactRefs = Annotated[list[ContactRef], Meta(min_length=1, max_length=10_000)]
# each contact's change carries it: without a limit one command of 1 MiB would become 10 GB
Evidence = Annotated[str, Meta(max_length=1024)]


# each contact keeps them: 50 tags for 10,000 contacts are as much as a partition should be told by one command
Tag = Annotated[str, Meta(min_length=1, max_length=255)]
Tags = Annotated[list[Tag], Meta(min_length=1, max_length=50)]
Words = Annotated[str, Meta(max_length=4096)]


class Profile(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The fields of a contact that a person may write, named by `id`, phone or e-mail; an empty text clears a field.

    {"phone": "0812-3456-7890", "first_name": "Made", "tags": ["vip"], "attributes": {"tier": "gold"}}
    """

    id: ContactId | None = None
    phone: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    name: Name | None = None
    email: Name | None = None
    property: PropertyId | None = None
    language: Name | None = None
    country: Name | None = None
    area: Name | None = None
    tags: Annotated[list[Tag], Meta(max_length=50)] = []
    attributes: Annotated[dict[str, Any], Meta(max_length=50)] = {}


class TenantPutData(Tenant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tenant's record, `by` whom.

    {"tenant": "bali-resorts", "region": "ID", "zone": "Asia/Makassar", "by": "ana"}
    """

    tenant: TenantId | None = None  # type: ignore[assignment]
    by: str | None = None


class TenantDeleteData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take the tenant's record away.

    {"by": "ana"}
    """

    by: str | None = None


class GroupCreateData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A new definition; without an id it is made from the name. `supersedes`, its own id, replaces the one there is.

    {"id": "food-lovers", "name": "Food lovers", "rule": {"event": "message", "any_of": ["dinner"], "within": "P3M"},
     "by": "ana"}
    """

    id: GroupId | None = None
    name: Name | None = None
    rule: dict[str, Any] | None = None
    description: str = ""
    sticky: bool = False
    reply: str | None = None
    join_words: list[Name] = []
    leave_words: list[Name] = []
    supersedes: GroupId | None = None
    by: str | None = None


class GroupUpdateData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Other words for a group; its rule and `sticky` stay.

    {"group": "food-lovers", "name": "Foodies", "by": "ana"}
    """

    group: GroupId
    name: Annotated[str, Meta(min_length=1, max_length=1024)] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    reply: str | UnsetType | None = UNSET
    join_words: list[Name] | UnsetType = UNSET
    leave_words: list[Name] | UnsetType = UNSET
    rule: dict[str, Any] | UnsetType = UNSET
    sticky: bool | UnsetType = UNSET
    by: str | None = None


class GroupDeleteData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Delete a group; every member leaves.

    {"group": "food-lovers", "by": "ana"}
    """

    group: GroupId
    by: str | None = None


class GroupAddData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Add contacts to a group, known or not; without `reply` an import or a bulk add greets nobody, others do.

    {"group": "vip", "contacts": [{"phone": "0812-3456-7890"}], "reason": "manual", "by": "ana"}
    """

    group: GroupId
    contacts: ContactRefs
    reason: AddReason = "manual"
    expires_at: Moment | None = None
    reply: bool | None = None
    evidence: Evidence | None = None
    by: str | None = None


class GroupRemoveData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Take contacts out of a group, and keep them out.

    {"group": "vip", "contacts": [{"id": "tel:+6281234567890"}], "reason": "manual", "by": "ana"}
    """

    group: GroupId
    contacts: ContactRefs
    reason: AddReason = "manual"
    evidence: Evidence | None = None
    by: str | None = None


class GroupClearPinData(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Back to what the rule says.

    {"group": "vip", "contacts": [{"phone": "0812-3456-7890"}], "by": "ana"}
    """

    group: GroupId
    contacts: ContactRefs
    by: str | None = None


class ConsentData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who opts out or in: of everything, or (`scope`) of a group; `evidence` says how we know.

    {"contacts": [{"phone": "0812-3456-7890"}], "scope": "all", "evidence": "called the front desk", "by": "ana"}
    """

    contacts: ContactRefs
    scope: GroupId = "all"
    evidence: Evidence | None = None
    by: str | None = None


class ContactUpsertData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a person knows of a contact, and groups to add it to.

    {"contact": {"phone": "0812-3456-7890", "first_name": "Made", "tags": ["vip"]}, "groups": ["vip"], "by": "ana"}
    """

    contact: Profile
    groups: Annotated[list[GroupId], Meta(max_length=100)] = []
    by: str | None = None


class ContactTagData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Tags for contacts, known or not.

    {"contacts": [{"phone": "0812-3456-7890"}], "tags": ["vip"], "by": "ana"}
    """

    contacts: ContactRefs
    tags: Tags
    by: str | None = None


class ContactUntagData(ContactTagData, frozen=True, kw_only=True, omit_defaults=True):
    """Tags to take from contacts.

    {"contacts": [{"phone": "0812-3456-7890"}], "tags": ["vip"], "by": "ana"}
    """


class ContactNoteData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The note on a contact, in place of the one that is there; an empty text takes it away.

    {"contact": {"phone": "0812-3456-7890"}, "text": "Allergic to nuts", "by": "ana"}
    """

    contact: ContactRef
    text: Words
    by: str | None = None


class ContactDeleteData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Delete a contact as far as it is not newer than the command; `erase` takes its facts too.

    {"contact": {"phone": "0812-3456-7890"}, "erase": true, "by": "ana"}
    """

    contact: ContactRef
    erase: bool = False
    by: str | None = None


class ContactRenameData(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A contact's new phone; the id it had is linked to the new one.

    {"contact": {"phone": "0812-3456-7890"}, "phone": "0812-3456-7891", "by": "ana"}
    """

    contact: ContactRef
    phone: Name
    by: str | None = None


class TenantPut(Envelope, frozen=True, kw_only=True, tag_field="type", tag="tenant.put"):
    """Write the tenant's record.

    {"specversion": "1.0", "type": "tenant.put", "source": "console", "id": "c-1", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"region": "ID", "zone": "Asia/Makassar", "by": "ana"}}
    """

    data: TenantPutData


class TenantDelete(Envelope, frozen=True, kw_only=True, tag_field="type", tag="tenant.delete"):
    """Take the tenant's record away.

    {"specversion": "1.0", "type": "tenant.delete", "source": "console", "id": "c-2", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"by": "ana"}}
    """

    data: TenantDeleteData


class GroupCreate(Envelope, frozen=True, kw_only=True, tag_field="type", tag="group.create"):
    """Create a group.

    {"specversion": "1.0", "type": "group.create", "source": "console", "id": "c-3", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"id": "vip", "name": "VIP", "rule": {"event": "manual"}, "by": "ana"}}
    """

    data: GroupCreateData


class GroupUpdate(Envelope, frozen=True, kw_only=True, tag_field="type", tag="group.update"):
    """Change a group's name, description, reply or words.

    {"specversion": "1.0", "type": "group.update", "source": "console", "id": "c-4", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"group": "vip", "description": "by hand", "by": "ana"}}
    """

    data: GroupUpdateData


class GroupDelete(Envelope, frozen=True, kw_only=True, tag_field="type", tag="group.delete"):
    """Delete a group.

    {"specversion": "1.0", "type": "group.delete", "source": "console", "id": "c-5", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"group": "vip", "by": "ana"}}
    """

    data: GroupDeleteData


class GroupAdd(Envelope, frozen=True, kw_only=True, tag_field="type", tag="group.add"):
    """Add contacts to a group.

    {"specversion": "1.0", "type": "group.add", "source": "console", "id": "c-6", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"group": "vip", "contacts": [{"phone": "0812-3456-7890"}], "by": "ana"}}
    """

    data: GroupAddData


class GroupRemove(Envelope, frozen=True, kw_only=True, tag_field="type", tag="group.remove"):
    """Take contacts out of a group.

    {"specversion": "1.0", "type": "group.remove", "source": "console", "id": "c-7", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"group": "vip", "contacts": [{"phone": "0812-3456-7890"}], "by": "ana"}}
    """

    data: GroupRemoveData


class GroupClearPin(Envelope, frozen=True, kw_only=True, tag_field="type", tag="group.clear_pin"):
    """Drop what was added or pinned by hand.

    {"specversion": "1.0", "type": "group.clear_pin", "source": "console", "id": "c-8", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"group": "vip", "contacts": [{"phone": "0812-3456-7890"}], "by": "ana"}}
    """

    data: GroupClearPinData


class ConsentOptOut(Envelope, frozen=True, kw_only=True, tag_field="type", tag="consent.opt_out"):
    """Write to these contacts no more.

    {"specversion": "1.0", "type": "consent.opt_out", "source": "console", "id": "c-9", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contacts": [{"phone": "0812-3456-7890"}], "by": "ana"}}
    """

    data: ConsentData


class ConsentOptIn(Envelope, frozen=True, kw_only=True, tag_field="type", tag="consent.opt_in"):
    """These contacts want to be written to again.

    {"specversion": "1.0", "type": "consent.opt_in", "source": "console", "id": "c-10", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contacts": [{"phone": "0812-3456-7890"}], "evidence": "form 12", "by": "ana"}}
    """

    data: ConsentData


class ContactUpsert(Envelope, frozen=True, kw_only=True, tag_field="type", tag="contact.upsert"):
    """Write a contact's fields, tags and attributes; those that are left out stay.

    {"specversion": "1.0", "type": "contact.upsert", "source": "console", "id": "c-9", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contact": {"phone": "0812-3456-7890", "tags": ["vip"]}, "groups": ["vip"]}}
    """

    data: ContactUpsertData


class ContactTag(Envelope, frozen=True, kw_only=True, tag_field="type", tag="contact.tag"):
    """Tag contacts.

    {"specversion": "1.0", "type": "contact.tag", "source": "console", "id": "c-10", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contacts": [{"phone": "0812-3456-7890"}], "tags": ["vip"], "by": "ana"}}
    """

    data: ContactTagData


class ContactUntag(Envelope, frozen=True, kw_only=True, tag_field="type", tag="contact.untag"):
    """Take tags from contacts.

    {"specversion": "1.0", "type": "contact.untag", "source": "console", "id": "c-11", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contacts": [{"phone": "0812-3456-7890"}], "tags": ["vip"], "by": "ana"}}
    """

    data: ContactUntagData


class ContactNote(Envelope, frozen=True, kw_only=True, tag_field="type", tag="contact.note"):
    """Write the note on a contact.

    {"specversion": "1.0", "type": "contact.note", "source": "console", "id": "c-12", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contact": {"phone": "0812-3456-7890"}, "text": "Allergic to nuts"}}
    """

    data: ContactNoteData


class ContactDelete(Envelope, frozen=True, kw_only=True, tag_field="type", tag="contact.delete"):
    """Delete a contact.

    {"specversion": "1.0", "type": "contact.delete", "source": "console", "id": "c-13", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contact": {"phone": "0812-3456-7890"}, "erase": true}}
    """

    data: ContactDeleteData


class ContactRename(Envelope, frozen=True, kw_only=True, tag_field="type", tag="contact.rename"):
    """Give a contact another phone.

    {"specversion": "1.0", "type": "contact.rename", "source": "console", "id": "c-14", "time": "2026-11-01T10:00:00Z",
     "tenant": "bali-resorts", "data": {"contact": {"phone": "0812-3456-7890"}, "phone": "0812-3456-7891"}}
    """

    data: ContactRenameData


Command = (
    TenantPut
    | TenantDelete
    | GroupCreate
    | GroupUpdate
    | GroupDelete
    | GroupAdd
    | GroupRemove
    | GroupClearPin
    | ConsentOptOut
    | ConsentOptIn
    | ContactUpsert
    | ContactTag
    | ContactUntag
    | ContactNote
    | ContactDelete
    | ContactRename
)
