"""What can be asked over HTTP."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from yarl import URL

from schemas.outputs import Outcome, OutcomeReason, OutcomeResult
from streams.store.queries import PAGE_BYTES
from streams.store.tables import Record
from tests.streams.web.conftest import MADE, Serve, Served


async def _json(served: Served, path: str, status: int = 200) -> Any:
    answer = await served[0].get(URL(path, encoded=True))
    assert answer.status == status, await answer.text()
    return await answer.json(content_type=None)


async def test_a_tenant_shows_its_record(served: Served) -> None:
    """GET on the tenant gives every field, defaults too."""
    shown = await _json(served, "/v1/bali")
    assert shown["region"] == "ID"
    assert shown["phone_format"] == "plus"
    assert shown["opt_out_words"] == []


async def test_tenants_are_listed(served: Served) -> None:
    """Without tokens the list of tenants has them all, by pages."""
    served[1].tenant("lombok")
    page = await _json(served, "/v1?limit=1")
    assert [item["tenant"] for item in page["items"]] == ["bali"]
    rest = await _json(served, f"/v1?limit=1&cursor={page['cursor']}")
    assert ([item["tenant"] for item in rest["items"]], rest["cursor"]) == (["lombok"], None)


async def test_groups_have_counts_and_status(served: Served) -> None:
    """Each group tells how many are in it and how many of them may be written to."""
    served[1].group("vip")
    served[1].group("food", status="building")
    served[1].member("vip", MADE)
    served[1].member("vip", "mailto:a@example.com", sendable=False)
    groups = (await _json(served, "/v1/bali/groups"))["items"]
    assert [(g["id"], g["members"], g["sendable"], g["status"]) for g in groups] == [
        ("food", 0, 0, "building"),
        ("vip", 2, 1, "ready"),
    ]
    one = await _json(served, "/v1/bali/groups/vip")
    assert one == groups[1]
    assert one["rule"] == {"event": "manual"}


async def test_members_are_named(served: Served) -> None:
    """A member is shown with its name, and with null where nobody knows it."""
    served[1].group("vip")
    served[1].member("vip", MADE)
    served[1].member("vip", "telegram:x")
    served[1].profile(MADE, name="Made")
    page = await _json(served, "/v1/bali/groups/vip/members")
    same = {"since": "2026-11-02T10:05:11Z", "expires_at": None, "sources": ["manual"], "sendable": True}
    items = [{"contact": MADE, "name": "Made", **same}, {"contact": "telegram:x", "name": None, **same}]
    assert page == {"items": items, "cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
async def test_pages_cover_a_list_once(served: Served, limit: int) -> None:
    """Following the cursor gives every member once, in order, whatever the page's size."""
    served[1].group("vip")
    contacts = sorted([f"tel:+62812345678{n:02}" for n in range(6)] + ["telegram:a/b", "telegram:ä", "telegram:a"])
    for contact in contacts:
        served[1].member("vip", contact)
    served[1].member("vip2", MADE)
    seen, cursor = [], ""
    while cursor is not None:
        page = await _json(served, f"/v1/bali/groups/vip/members?limit={limit}&cursor={cursor}")
        assert len(page["items"]) <= limit
        seen += [member["contact"] for member in page["items"]]
        cursor = page["cursor"]
    assert seen == sorted(contacts, key=str.encode)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=1.5", "limit=", "limit=٣"])
async def test_a_limit_is_from_1_to_1000(served: Served, query: str) -> None:
    """Any other limit is wrong content, and the problem names it."""
    problem = await _json(served, f"/v1/bali/groups?{quote(query, safe='=')}", 422)
    assert problem["path"] == "limit"


@pytest.mark.parametrize("cursor", ["!", "a", "_w", "€"])
async def test_a_strange_cursor_is_wrong_content(served: Served, cursor: str) -> None:
    """What this server did not give out is no cursor."""
    assert (await _json(served, f"/v1/bali/groups?cursor={quote(cursor)}", 422))["path"] == "cursor"


@pytest.mark.parametrize(
    ("contact", "path"),
    [
        (MADE, "tel:+6281234567890"),
        (MADE, "tel%3A%2B6281234567890"),
        ("booking:booking.com:a/b", "booking:booking.com:a%2Fb"),
        ("booking:booking.com:a/b", "booking:booking.com:a%2fb"),
        ("booking:x:100%", "booking:x:100%25"),
        ("booking:x:%2F", "booking:x:%252F"),
        ("telegram:{x} y", "telegram:%7Bx%7D%20y"),
        ("telegram:ä", "telegram:%C3%A4"),
        ("mailto:made@example.com", "mailto:Made@Example.com"),
        (MADE, "whatsapp:6281234567890"),
        (MADE, "+6281234567890"),
        (MADE, "%2B62%20812-3456-7890"),
        (MADE, "6281234567890"),
        (MADE, "081234567890"),
        (MADE, "0812%203456%207890"),
        (MADE, "6281234567890@s.whatsapp.net"),
        ("tel:+14155552671", "14155552671"),
        ("mailto:made@example.com", "Made@example.com"),
    ],
)
async def test_contact_ids_stand_in_paths_raw_or_encoded(served: Served, contact: str, path: str) -> None:
    """`:` and `+` stand as they are or percent-encoded, `/` as %2F."""
    served[1].group("vip")
    served[1].member("vip", contact)
    served[1].profile(contact, name="N")
    assert (await _json(served, f"/v1/bali/contacts/{path}"))["contact"] == contact
    assert (await _json(served, f"/v1/bali/contacts/{path}/groups"))["items"][0]["group"] == "vip"
    shown = await _json(served, f"/v1/bali/contacts/{path}/groups/vip")
    assert (shown["member"], shown["contact"]) == (True, contact)


async def test_a_linked_id_answers_for_its_contact(served: Served) -> None:
    """The profile, the groups and the check of an id that was linked are those of the contact that it belongs to."""
    served[1].group("vip")
    served[1].member("vip", MADE)
    served[1].profile(MADE, linked=["mailto:made@example.com"])
    for written in ("mailto:made@example.com", "mailto:Made@Example.com"):
        assert (await _json(served, f"/v1/bali/contacts/{written}"))["contact"] == MADE
        shown = await _json(served, f"/v1/bali/contacts/{written}/groups/vip")
        assert (shown["member"], shown["contact"]) == (True, MADE)


async def test_membership_check_says_no(served: Served) -> None:
    """A known contact that is not in the group is told as such, without the fields of a membership."""
    served[1].group("vip")
    served[1].profile(MADE)
    shown = await _json(served, f"/v1/bali/contacts/{MADE}/groups/vip")
    assert shown == {"member": False, "group": "vip", "contact": MADE}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/nobody", "tenant_unknown"),
        ("/v1/nobody/groups", "tenant_unknown"),
        ("/v1/bali/groups/none", "group_unknown"),
        ("/v1/bali/groups/none/members", "group_unknown"),
        ("/v1/bali/contacts/tel:+6281234567899", "contact_unknown"),
        ("/v1/bali/contacts/tel:+6281234567899/groups", "contact_unknown"),
        ("/v1/bali/contacts/tel:+6281234567899/groups/vip", "contact_unknown"),
        (f"/v1/bali/contacts/{MADE}/groups/none", "group_unknown"),
        ("/v1/bali/commands/none", "command_unknown"),
        ("/v1/bali/nothing", "not_found"),
        ("/nothing", "not_found"),
    ],
)
async def test_unknown_things_are_404(served: Served, path: str, kind: str) -> None:
    """What is not there is a problem with status 404 and a kind of its own."""
    served[1].group("vip")
    served[1].profile(MADE)
    problem = await _json(served, path, 404)
    assert problem["type"] == f"urn:rollcall:problem:{kind}"
    assert problem["status"] == 404


async def test_tenants_do_not_see_each_other(served: Served) -> None:
    """A group or contact of one tenant is unknown to another, also where ids begin alike."""
    served[1].tenant("bali2")
    served[1].group("vip")
    served[1].member("vip", MADE)
    assert (await _json(served, "/v1/bali2/groups"))["items"] == []
    await _json(served, "/v1/bali2/groups/vip", 404)
    await _json(served, f"/v1/bali2/contacts/{MADE}/groups", 404)


async def test_a_contact_that_left_everything_is_still_known(served: Served) -> None:
    """Who has a profile has an empty list of groups, not a 404."""
    served[1].group("vip")
    served[1].profile(MADE)
    served[1].member("vip", MADE)
    served[1].member("vip", MADE, gone=True)
    assert await _json(served, f"/v1/bali/contacts/{MADE}/groups") == {"items": [], "cursor": None}


async def test_a_wrong_method_is_405(served: Served) -> None:
    """A method that a path does not have is a problem that names those it has."""
    answer = await served[0].delete("/v1/bali/groups")
    assert answer.status == 405
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Allow"] == "GET,HEAD,POST"


async def test_before_the_tables_are_read_only_health_answers(serve: Serve) -> None:
    """Half a table would be a wrong answer: 503 and a hint when to come again."""
    client, _ = await serve(ready=False)
    assert (await client.get("/healthz")).status == 200
    assert (await client.get("/readyz")).status == 503
    answer = await client.get("/v1/bali/groups")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_a_bulk_tells_how_far_it_has_come(served: Served) -> None:
    """Counts so far, by reason, of how many; then finished; its outcomes come in pages."""
    reasons: list[OutcomeReason | None] = [None, "already_member", "opted_out", "opted_out", None]
    for index, reason in enumerate(reasons):
        said = await _told(served) if index else {}
        assert (said.get("finished", False), said.get("of", 5)) == (False, 5)
        word: OutcomeResult = "applied" if reason is None else "skipped" if reason == "opted_out" else "unchanged"
        row = Outcome(
            tenant="bali", command="c", source="s", type="group.add", outcome=word, reason=reason, index=index, of=5,
            contact=f"tel:+62812345678{index:02}", time=datetime(2026, 11, 2, tzinfo=UTC),
        )  # fmt: skip
        served[1].feed([Record("outcomes", 0, 0, 0, b"bali/c", msgspec.json.encode(row))])
    said = await _told(served)
    assert (said["status"], said["finished"], said["applied"], said["unchanged"], said["skipped"]) == (
        "done", True, 2, 1, 2,
    )  # fmt: skip
    assert said["reasons"] == {"already_member": 1, "opted_out": 2}
    assert ([one["index"] for one in said["outcomes"]], said["cursor"]) == ([0, 1, 2, 3, 4], None)
    seen, page = list[int](), await _told(served, "?limit=2")
    while page["cursor"] is not None:
        seen += [one["index"] for one in page["outcomes"]]
        page = await _told(served, f"?limit=2&cursor={page['cursor']}")
    assert seen + [one["index"] for one in page["outcomes"]] == [0, 1, 2, 3, 4]
    endless = base64.b64encode(b"1" * 4_302).decode()  # Python reads no number of more than 4,300 digits
    for cursor in ("dmlw", endless):
        assert (await _json(served, f"/v1/bali/commands/c?cursor={cursor}", 422))["path"] == "cursor"


async def _told(served: Served, query: str = "") -> Any:
    return await _json(served, f"/v1/bali/commands/c{query}")


async def test_a_page_ends_before_it_is_too_large(served: Served) -> None:
    """Large definitions come in more pages than small ones; one that is too large alone comes alone."""
    client, pipeline = served
    for n in range(5):
        pipeline.group(f"g{n}", description="x" * (PAGE_BYTES * 2 if n == 2 else PAGE_BYTES * 2 // 5))
    pages, cursor = list[list[str]](), ""
    while cursor is not None:
        said = await (await client.get("/v1/bali/groups", params={"cursor": cursor, "limit": "4"})).json()
        pages.append([group["id"] for group in said["items"]])
        cursor = said["cursor"]
    assert pages == [["g0", "g1"], ["g2"], ["g3", "g4"]]


@pytest.mark.parametrize(
    "written", ["made", "12", "081234", "tel:12", "made@", "@example.com", "6.28E+11", "mailto:made"]
)
async def test_what_can_be_no_contact_is_wrong_content(served: Served, written: str) -> None:
    """A slip is told apart from a guest who is not there."""
    served[1].group("vip")
    for call in ("", "/groups", "/groups/vip", "/groups/vip/explain"):
        said = await _json(served, f"/v1/bali/contacts/{quote(written)}{call}", 422)
        assert (said["path"], said["reason"]) == ("contact", "contact_invalid")


async def test_a_phone_is_read_in_the_region_of_the_tenant(served: Served) -> None:
    """The same digits are another phone for another tenant."""
    served[1].profile("tel:+33612345678", name="N")
    said = await _json(served, "/v1/bali/contacts/0612345678", 404)
    assert said["type"] == "urn:rollcall:problem:contact_unknown"
    served[1].tenant(region="FR")
    assert (await _json(served, "/v1/bali/contacts/0612345678"))["contact"] == "tel:+33612345678"


async def test_members_by_whether_they_may_be_written_to(served: Served) -> None:
    """A page is as full as without the filter, and the cursor goes on."""
    served[1].group("vip")
    for n in range(6):
        served[1].member("vip", f"telegram:{n}", sendable=n % 2 == 0)
    page = await _json(served, "/v1/bali/groups/vip/members?sendable=true&limit=2")
    rest = await _json(served, f"/v1/bali/groups/vip/members?sendable=true&limit=2&cursor={page['cursor']}")
    found = [row["contact"] for row in page["items"] + rest["items"]]
    assert (found, rest["cursor"]) == (["telegram:0", "telegram:2", "telegram:4"], None)
    other = (await _json(served, "/v1/bali/groups/vip/members?sendable=false"))["items"]
    assert [row["contact"] for row in other] == ["telegram:1", "telegram:3", "telegram:5"]
    assert (await _json(served, "/v1/bali/groups/vip/members?sendable=yes", 422))["path"] == "sendable"


@pytest.mark.parametrize(
    ("path", "name", "detail"),
    [
        ("/v1/bali/groups/vip/members?sendabel=true", "sendabel", "no such parameter, did you mean sendable?"),
        ("/v1/bali/groups?limits=3", "limits", "no such parameter, did you mean limit?"),
        ("/v1/bali?x=1", "x", "no such parameter"),
        ("/v1/bali/groups?Made%20W=1", "", "no such parameter"),
    ],
)
async def test_an_unknown_parameter_is_told(served: Served, path: str, name: str, detail: str) -> None:
    """It is not dropped without a word: the answer would be another one than was asked for."""
    said = await _json(served, path, 422)
    assert (said["path"], said["detail"]) == (name, detail)
