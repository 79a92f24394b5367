"""What can be changed over HTTP: commands go out, and the answer tells what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from schemas.base import Reject
from schemas.commands import Command, GroupAdd, GroupCreate, GroupDelete, GroupRemove, GroupUpdate, TenantPut
from schemas.dead_letters import headers, keep
from schemas.groups import Group
from schemas.quotas import Quotas
from schemas.tenants import Tenant
from streams.store.tables import Record
from streams.web.writes import PERMISSIONS
from tests.streams.web.conftest import MADE, Serve, Served, group_record, member_record, outcome_record

RULE = {"event": "message", "any_of": ["dinner"], "within": "P3M"}


def decide(command: Any) -> Iterable[Record]:
    """Carry out what the tests ask, in the words of the pipeline."""
    match command:
        case TenantPut():
            value = msgspec.json.encode(
                Tenant(tenant=command.tenant, region=command.data.region, zone=command.data.zone)
            )
            return [Record("tenants", 0, 0, 0, command.tenant.encode(), value), outcome_record(command)]
        case GroupCreate():
            group = command.data.id or "food-lovers"
            made = Group(tenant=command.tenant, id=group, name=command.data.name or group, rule=command.data.rule or {})
            return [group_record(made), outcome_record(command, group=group)]
        case GroupUpdate():
            made = Group(tenant=command.tenant, id=command.data.group, name=str(command.data.name), rule={})
            return [group_record(made), outcome_record(command, group=made.id)]
        case GroupDelete():
            row = Record("groups", 0, 0, 0, f"{command.tenant}/{command.data.group}".encode(), None)
            return [row, outcome_record(command, group=command.data.group)]
        case GroupAdd() | GroupRemove():
            return pins(command)
    raise AssertionError(command)


def pins(command: GroupAdd | GroupRemove) -> list[Record]:
    """Add or remove each contact."""
    said, of, group = [], len(command.data.contacts), command.data.group
    for index, ref in enumerate(command.data.contacts):
        contact = ref.id or f"tel:{ref.phone}"
        said.append(member_record(group, contact, gone=isinstance(command, GroupRemove)))
        said.append(outcome_record(command, group=group, contact=contact, index=index, of=of))
    return said


def sent(served: Served) -> list[Any]:
    """The commands that went out."""
    return [msgspec.json.decode(value, type=Command) for topic, _, value in served[1].sent if topic == "commands"]


async def ask(served: Served, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One request with a JSON body."""
    answer = await served[0].request(method, f"/v1{path}", **({} if body is None else {"json": body}))
    text = await answer.text()
    return answer.status, msgspec.json.decode(text) if text else None


async def test_a_successor_is_no_new_group(serve: Serve) -> None:
    """POST with `supersedes` asks for a successor and answers 200; under another id it is 422 and names the field."""
    served = await serve()
    served[1].decide = decide
    await ask(served, "PUT", "/bali", {"region": "ID"})
    body = {"id": "food", "rule": RULE, "supersedes": "food"}
    status, said = await ask(served, "POST", "/bali/groups", body)
    assert (status, said["id"]) == (200, "food")
    assert sent(served)[-1].data.supersedes == "food"
    status, said = await ask(served, "POST", "/bali/groups", {**body, "id": "lunch"})
    assert (status, said["path"]) == (422, "supersedes")


async def test_put_makes_and_then_changes_a_tenant(serve: Serve) -> None:
    """201 for a new tenant, 200 for a known one, and the record in force as the answer."""
    served = await serve()
    served[1].decide = decide
    status, said = await ask(served, "PUT", "/bali", {"region": "ID", "zone": "Asia/Makassar"})
    assert (status, said["tenant"], said["region"]) == (201, "bali", "ID")
    status, said = await ask(served, "PUT", "/bali", {"region": "SG", "tenant": "bali"})
    assert (status, said["region"]) == (200, "SG")
    topic, key, _ = served[1].sent[0]
    assert (topic, key) == ("commands", b"bali")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"region": "Indonesia"}, "region"),
        ({"tenant": "other"}, "tenant"),
        ({"properties": {"ubud": {"zone": "x"}}}, "properties[...].zone"),
        ({"opt_out_words": ["!"]}, "opt_out_words[0]"),
        ({"opt_out_words": "no"}, "opt_out_words"),
        ([], ""),
        (None, None),
    ],
)
async def test_a_wrong_tenant_is_refused(served: Served, body: Any, path: str | None) -> None:
    """422 names the field; no body at all is no JSON; nothing goes out."""
    status, problem = await ask(served, "PUT", "/bali", body)
    assert (status, problem.get("path")) == ((400, None) if body is None else (422, path))
    assert served[1].sent == []


async def test_a_wrong_tenant_name_is_refused(served: Served) -> None:
    """A name that no tenant can have is wrong content, not a new tenant."""
    status, problem = await ask(served, "PUT", "/Bali_1", {})
    assert (status, problem["path"]) == (422, "tenant")


async def test_groups_are_made_changed_and_deleted(served: Served) -> None:
    """201 with the definition and where it lies, 200 with the changed one, 204, then 404."""
    served[1].decide = decide
    answer = await served[0].post("/v1/bali/groups", json={"name": "Food lovers", "rule": RULE})
    said = await answer.json()
    assert (answer.status, answer.headers["Location"]) == (201, "/v1/bali/groups/food-lovers")
    assert (said["id"], said["rule"], said["members"], said["status"]) == ("food-lovers", RULE, 0, "building")
    status, said = await ask(served, "PATCH", "/bali/groups/food-lovers", {"name": "Foodies"})
    assert (status, said["name"]) == (200, "Foodies")
    assert await ask(served, "DELETE", "/bali/groups/food-lovers") == (204, None)
    assert (await ask(served, "DELETE", "/bali/groups/food-lovers"))[0] == 404
    assert [command.data.by for command in sent(served)] == ["http"] * 3


async def test_the_same_group_again_is_200(served: Served) -> None:
    """A group.create that changes nothing answers with the group there is."""
    served[1].group("vip")
    served[1].decide = lambda command: [outcome_record(command, "unchanged", group="vip")]
    assert (await ask(served, "POST", "/bali/groups", {"id": "vip"}))[0] == 200


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("rule_immutable", 409), ("rule_cycle", 409), ("group_in_use", 409), ("group_deleting", 409),
        ("group_unknown", 404), ("tenant_unknown", 404),
    ],
)  # fmt: skip
async def test_what_the_pipeline_skips_is_a_problem(served: Served, reason: str, status: int) -> None:
    """Each reason has its status, and the problem's type names it."""
    served[1].group("vip")
    served[1].decide = lambda command: [outcome_record(command, "skipped", reason=reason, group="vip")]
    got, problem = await ask(served, "POST", "/bali/groups", {"id": "vip", "rule": RULE})
    assert (got, problem["type"]) == (status, f"urn:rollcall:problem:{reason}")
    assert (await ask(served, "DELETE", "/bali/groups/vip"))[0] == status


async def test_a_quota_that_the_pipeline_holds_is_a_422(served: Served) -> None:
    """The problem names the quota, its value and the setting, as the outcome does."""
    served[1].group("vip")
    detail = Quotas().says("groups")
    served[1].decide = lambda command: [
        outcome_record(command, "skipped", reason="too_many_groups", group="x", detail=detail)
    ]
    status, problem = await ask(served, "POST", "/bali/groups", {"id": "x"})
    assert (status, problem["reason"], problem["detail"]) == (422, "too_many_groups", detail)
    assert problem["detail"] == "groups of a tenant, 10000 at most (ROLLCALL_MAX_GROUPS)"


@pytest.mark.parametrize(
    ("body", "path", "setting"),
    [
        ({"reply": "é" * 2049}, "reply", "4096 at most (ROLLCALL_MAX_REPLY_BYTES)"),
        ({"description": "d" * 4097}, "description", "4096 at most (ROLLCALL_MAX_DESCRIPTION_BYTES)"),
        ({"join_words": ["w"] * 150, "leave_words": ["w"] * 51}, "leave_words", "(ROLLCALL_MAX_CONSENT_WORDS)"),
        (
            {"rule": {"any": [{"event": "message", "any_of": ["a"] * 501, "none_of": ["b"] * 500}]}},
            "rule",
            "keywords of a rule, 1000 at most (ROLLCALL_MAX_RULE_KEYWORDS)",
        ),
        (
            {"rule": {"event": "message", "any_of": ["a" * 200] * 400}},
            "rule",
            "bytes of a definition, 65536 at most (ROLLCALL_MAX_DEFINITION_BYTES)",
        ),
    ],
)
async def test_a_definition_beyond_a_quota_is_refused(served: Served, body: Any, path: str, setting: str) -> None:
    """422 before anything goes out, with the path, the bound and the setting by which it is another."""
    served[1].group("vip")
    for method, where, said in (("POST", "/bali/groups", {"id": "x", **body}), ("PATCH", "/bali/groups/vip", body)):
        status, problem = await ask(served, method, where, said)
        assert (status, problem["path"], problem["reason"]) == (422, path, "quota_exceeded")
        assert problem["detail"].endswith(setting)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"id": "No Spaces"}, "id"),
        ({"name": "!!!"}, "id"),
        ({"id": "x", "rule": {"event": "rating", "min_stars": 9}}, "rule.min_stars"),
        ({"id": "x", "rule": {"any": [{"event": "message", "any_of": []}]}}, "rule.any[0].any_of"),
        ({"id": "x", "rule": []}, "rule"),
        ({"id": "x", "rule": {"event": "message", "any_of": ["a"], "within": "P2Y"}}, "rule.within"),
        ({"id": "x", "sticky": "yes"}, "sticky"),
        ({"id": "x", "join_words": ["..."]}, "join_words[0]"),
        ({"id": 5}, "id"),
    ],
)
async def test_a_wrong_group_is_refused(served: Served, body: Any, path: str) -> None:
    """422 with the path inside the body, before anything goes out."""
    status, problem = await ask(served, "POST", "/bali/groups", body)
    assert (status, problem["path"]) == (422, path)
    assert served[1].sent == []


@pytest.mark.parametrize("body", [b"{", b"\xff", b"", b'{"name": NaN}', b"[" * 100_000])
async def test_what_is_no_json_is_400(served: Served, body: bytes) -> None:
    """Broken JSON, wrong UTF-8 and nesting without end are no JSON."""
    answer = await served[0].post("/v1/bali/groups", data=body)
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (await answer.json(content_type=None))["type"].endswith(":not_json")


async def test_a_number_out_of_range_is_422(served: Served) -> None:
    """JSON knows numbers that nothing else does."""
    answer = await served[0].post("/v1/bali/groups", data=b'{"id": "x", "n": 1e400}')
    assert answer.status == 422


async def test_a_body_beyond_the_limit_is_413(served: Served) -> None:
    """A command has 1 MiB at most, its envelope included."""
    for size in (1024 * 1024 + 1, 1024 * 1024 - 60):
        status, problem = await ask(served, "POST", "/bali/groups", {"id": "x", "description": "d" * size})
        assert (status, problem["type"]) == (413, "urn:rollcall:problem:too_large")
    assert served[1].sent == []


async def test_members_are_added_and_removed(served: Served) -> None:
    """The answer to an add tells each contact's outcome and the counts; a removed one is gone."""
    served[1].group("vip")
    served[1].decide = decide
    body = {"contacts": [{"phone": "+6281234567890"}, {"id": "mailto:made@example.com"}]}
    status, said = await ask(served, "POST", "/bali/groups/vip/members", body)
    assert (status, said["members"], said["sendable"]) == (200, 2, 2)
    assert said["items"][0] == {"index": 0, "contact": MADE, "outcome": "applied", "reason": None, "member": True}
    assert await ask(served, "DELETE", f"/bali/groups/vip/members/{MADE}") == (204, None)
    members = (await ask(served, "GET", "/bali/groups/vip/members"))[1]["items"]
    assert [member["contact"] for member in members] == ["mailto:made@example.com"]


async def test_ten_thousand_members_go_in_one_call(served: Served) -> None:
    """The largest list is one command and one answer; one more is refused."""
    served[1].group("vip")
    served[1].decide = decide
    contacts = [{"id": f"telegram:{n}"} for n in range(10_001)]
    assert (await ask(served, "POST", "/bali/groups/vip/members", {"contacts": contacts}))[1]["path"] == "contacts"
    status, said = await ask(served, "POST", "/bali/groups/vip/members", {"contacts": contacts[:-1]})
    assert (status, said["members"], len(said["items"])) == (200, 10_000, 10_000)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "contacts"),
        ({"contacts": []}, "contacts"),
        ({"contacts": [{"phone": "0812-3456-7890"}, {"phone": "12"}]}, "contacts[1].phone"),
        ({"contacts": [{"phone": "6.28E+11"}]}, "contacts[0].phone"),
        ({"contacts": [{"id": "nobody"}]}, "contacts[0].id"),
        ({"contacts": [{}]}, "contacts[0]"),
        ({"contacts": [{"phone": "+6281234567890", "id": MADE}]}, "contacts[0]"),
        ({"contacts": [{"phone": 5}]}, "contacts[...].phone"),
        ({"contacts": [{"phone": "+6281234567890"}], "reason": "whim"}, "reason"),
        ({"contacts": [{"phone": "+6281234567890"}], "group": "other"}, "group"),
    ],
)
async def test_wrong_members_are_refused(served: Served, body: Any, path: str) -> None:
    """422 names the contact that is none; nobody of the list is added."""
    served[1].group("vip")
    status, problem = await ask(served, "POST", "/bali/groups/vip/members", body)
    assert status == 422
    assert problem["path"] in {path, path.replace("[...]", "[0]")}
    assert "12" not in problem["detail"]
    assert served[1].sent == []


async def test_members_of_what_is_not_there_are_404(served: Served) -> None:
    """An unknown group, and a contact that nobody knows, are told before anything goes out."""
    served[1].group("vip")
    body = {"contacts": [{"id": MADE}]}
    assert (await ask(served, "POST", "/bali/groups/none/members", body))[1]["type"].endswith("group_unknown")
    assert (await ask(served, "DELETE", f"/bali/groups/vip/members/{MADE}"))[1]["type"].endswith("contact_unknown")
    assert (await ask(served, "PATCH", "/bali/groups/none", {"name": "x"}))[0] == 404
    assert served[1].sent == []


async def test_no_outcome_in_time_is_202(serve: Serve) -> None:
    """Whoever waited in vain gets the command's id, and later its outcome by that id."""
    served = await serve(wait=0.05)
    served[1].tenant()
    status, said = await ask(served, "POST", "/bali/groups", {"id": "vip"})
    assert status == 202
    assert (await ask(served, "GET", f"/bali/commands/{said['id']}"))[1]["status"] == "pending"
    served[1].feed([outcome_record(sent(served)[0], group="vip")])
    _, told = await ask(served, "GET", f"/bali/commands/{said['id']}")
    assert (told["status"], told["applied"], told["outcomes"][0]["group"]) == ("done", 1, "vip")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/bali", {"region": "SG"}),
        ("PATCH", "/bali/groups/vip", {"name": "V"}),
        ("DELETE", "/bali/groups/vip", None),
        ("POST", "/bali/groups/vip/members", {"contacts": [{"id": MADE}]}),
        ("DELETE", f"/bali/groups/vip/members/{MADE}", None),
    ],
)
async def test_every_write_is_202_when_it_takes_long(serve: Serve, method: str, path: str, body: Any) -> None:
    """Each of them answers with the id of its command."""
    served = await serve(wait=0.05)
    served[1].tenant()
    served[1].group("vip")
    served[1].member("vip", MADE)
    status, said = await ask(served, method, path, body)
    assert (status, said) == (202, {"id": sent(served)[0].id})


async def test_a_body_may_not_name_another_group(served: Served) -> None:
    """The path says which group; a body that says otherwise is a mistake."""
    served[1].group("vip")
    status, problem = await ask(served, "PATCH", "/bali/groups/vip", {"group": "other", "name": "x"})
    assert (status, problem["path"]) == (422, "group")


async def test_a_group_that_is_being_deleted_takes_nobody(served: Served) -> None:
    """Who is added now would leave at once: 409."""
    served[1].group("vip", status="deleting")
    status, problem = await ask(served, "POST", "/bali/groups/vip/members", {"contacts": [{"id": MADE}]})
    assert (status, problem["type"]) == (409, "urn:rollcall:problem:group_deleting")


async def test_a_command_is_done_when_all_its_outcomes_are(served: Served) -> None:
    """Half of the outcomes is pending, and they may come in any order."""
    body = {"type": "group.add", "data": {"group": "vip", "contacts": [{"id": MADE}, {"id": "telegram:x"}]}, "id": "c1"}
    status, said = await ask(served, "POST", "/bali/commands", body)
    assert (status, said) == (202, {"id": "c1"})
    command = sent(served)[0]
    served[1].feed([outcome_record(command, "skipped", reason="opted_out", index=1, of=2)])
    assert (await ask(served, "GET", "/bali/commands/c1"))[1]["status"] == "pending"
    served[1].feed([outcome_record(command, index=0, of=2)])
    told = (await ask(served, "GET", "/bali/commands/c1"))[1]
    assert (told["status"], told["applied"], told["skipped"]) == ("done", 1, 1)
    assert [said["index"] for said in told["outcomes"]] == [0, 1]


def turned_away(command: Any, reject: Reject) -> list[Record]:
    """The dead letter of a command."""
    value = msgspec.json.encode(command)
    more = headers(reject, "rollcall.commands", 0, 7, keep(value))
    return [Record("dead-letters", 0, 0, 1, b"bali", value, tuple(more))]


async def test_what_the_pipeline_turns_away_is_422(served: Served) -> None:
    """A dead letter of the command answers the call that waits for it, and is told by id later."""
    served[1].decide = lambda command: turned_away(command, Reject("from_the_future", "time"))
    status, problem = await ask(served, "POST", "/bali/groups", {"id": "vip"})
    assert (status, problem["path"], problem["reason"]) == (422, "time", "from_the_future")
    told = (await ask(served, "GET", f"/bali/commands/{sent(served)[0].id}"))[1]
    assert (told["status"], told["reason"]) == ("rejected", "from_the_future")


async def test_a_tenant_that_went_meanwhile_is_404(served: Served) -> None:
    """The dead letter `tenant_unknown` is the same 404 as before."""
    served[1].decide = lambda command: turned_away(command, Reject("tenant_unknown", "tenant"))
    assert (await ask(served, "POST", "/bali/groups", {"id": "vip"}))[0] == 404


async def test_a_deletion_answers_once_the_id_is_free(serve: Serve) -> None:
    """The outcome comes at once, the members leave after it: 204 only when the definition is gone."""
    served = await serve(wait=2)
    served[1].tenant()
    served[1].group("vip")
    served[1].decide = lambda command: [outcome_record(command, group="vip")]
    asking = asyncio.create_task(ask(served, "DELETE", "/bali/groups/vip"))
    done, _ = await asyncio.wait([asking], timeout=0.2)
    assert not done
    served[1].feed([Record("groups", 0, 0, 0, b"bali/vip", None)])
    assert await asking == (204, None)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"type": "group.fold", "data": {}}, "type"),
        ({"type": "contact.rename", "data": {}}, "data.contact"),
        ({"type": "contact.rename", "data": {"contact": {"phone": "1"}, "phone": "1"}}, "data.contact.phone"),
        ({"type": "contact.note", "data": {"text": "x"}}, "data.contact"),
        ({"type": "contact.note", "data": {"text": "x", "contact": {"phone": "1"}}}, "data.contact.phone"),
        ({"type": "contact.upsert", "data": {"contact": {"phone": "1"}}}, "data.contact.phone"),
        ({"data": {}}, "type"),
        ({"type": "group.delete", "data": {}}, "data.group"),
        ({"type": "group.delete", "data": {"group": "vip"}, "tenant": "other"}, "tenant"),
        ({"type": "group.delete", "data": {"group": "vip"}, "time": "yesterday"}, "time"),
        ({"type": "group.add", "data": {"group": "vip", "contacts": [{"phone": "1"}]}}, "data.contacts[0].phone"),
    ],
)
async def test_a_wrong_command_is_refused(served: Served, body: Any, path: str) -> None:
    """POST /commands checks what the pipeline would, and names the field."""
    status, problem = await ask(served, "POST", "/bali/commands", body)
    assert (status, problem["path"]) == (422, path)


async def test_every_command_has_a_permission() -> None:
    """No row of the commands table can be sent without one."""
    kinds = {str(kind.__struct_config__.tag) for kind in Command.__args__}
    assert set(PERMISSIONS) == kinds


async def test_a_log_that_does_not_take_it_is_503(serve: Serve) -> None:
    """Where nothing was acknowledged in time the caller is told so, with a hint to come again."""
    served = await serve(wait=0.05)
    served[1].tenant()

    async def never(_: Any) -> None:
        await asyncio.Event().wait()

    served[1].publish = never
    answer = await served[0].post("/v1/bali/groups", json={"id": "vip"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
