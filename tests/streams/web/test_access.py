"""Who is let in: this machine without a tokens file, else whoever has a token with the permission."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.web.access import ROLES, Access, AccessError
from tests.streams.web.conftest import MADE, Serve, Served

TOKENS = {
    "t-owner": {"tenant": "bali", "role": "owner", "name": "ana"},
    "t-viewer": {"tenant": "bali", "role": "viewer"},
    "t-some": {"tenant": "bali", "permissions": ["groups.manage"]},
    "t-other": {"tenant": "lombok", "role": "owner"},
}


@pytest.fixture
async def guarded(serve: Serve, tmp_path: Path) -> Served:
    """A server with a tokens file, on any address."""
    file = tmp_path / "tokens.json"
    file.write_bytes(msgspec.json.encode(TOKENS))
    file.chmod(0o600)
    client, pipeline = await serve(access=Access.read("0.0.0.0", file), wait=0.05)  # noqa: S104 - never bound
    pipeline.tenant()
    pipeline.tenant("lombok")
    pipeline.group("vip")
    return client, pipeline


async def ask(
    served: Served, token: str | None, method: str = "GET", path: str = "/v1/bali/groups", **more: Any
) -> int:
    """The status of one request."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return (await served[0].request(method, path, headers=headers, **more)).status


@pytest.mark.parametrize(
    ("token", "status"),
    [("t-owner", 200), ("t-viewer", 200), ("t-some", 403), ("t-other", 403), ("nope", 401), (None, 401)],
)
async def test_a_token_opens_its_own_tenant(guarded: Served, token: str | None, status: int) -> None:
    """A token of another tenant or without the permission is 403, no or an unknown one 401."""
    assert await ask(guarded, token) == status


async def test_401_says_how_to_come_in(guarded: Served) -> None:
    """The answer names the scheme."""
    answer = await guarded[0].get("/v1/bali")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.content_type == "application/problem+json"


async def test_writes_need_their_permission(guarded: Served) -> None:
    """A viewer changes nothing; who manages groups makes groups, but adds nobody and writes no tenant."""
    made: dict[str, Any] = {"json": {"id": "x"}}
    members: dict[str, Any] = {"json": {"contacts": [{"id": MADE}]}}
    assert await ask(guarded, "t-viewer", "POST", **made) == 403
    assert await ask(guarded, "t-some", "POST", **made) == 202
    assert await ask(guarded, "t-some", "POST", "/v1/bali/groups/vip/members", **members) == 403
    assert await ask(guarded, "t-some", "PUT", "/v1/bali", json={}) == 403
    assert await ask(guarded, "t-viewer", "POST", "/v1/bali/events", json={}) == 403


async def test_commands_need_the_permission_of_their_kind(guarded: Served) -> None:
    """POST /commands is no way round: each command needs what its own call needs."""
    group = {"type": "group.create", "data": {"id": "x"}}
    add = {"type": "group.add", "data": {"group": "vip", "contacts": [{"id": MADE}]}}
    assert await ask(guarded, "t-some", "POST", "/v1/bali/commands", json=group) == 202
    assert await ask(guarded, "t-some", "POST", "/v1/bali/commands", json=add) == 403
    assert await ask(guarded, "t-owner", "POST", "/v1/bali/commands", json=add) == 202


async def test_the_actor_is_the_tokens_name(guarded: Served) -> None:
    """`by` tells who did it."""
    await ask(guarded, "t-owner", "POST", json={"id": "x"})
    assert msgspec.json.decode(guarded[1].sent[0][2])["data"]["by"] == "ana"


async def test_a_token_sees_only_its_tenant_in_the_list(guarded: Served) -> None:
    """Others are not even named."""
    answer = await guarded[0].get("/v1", headers={"Authorization": "Bearer t-other"})
    assert [item["tenant"] for item in (await answer.json())["items"]] == ["lombok"]


async def test_health_needs_no_token(guarded: Served) -> None:
    """Probes and scrapers come without one."""
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/"):
        assert await ask(guarded, None, path=path) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])  # noqa: S104 - never bound
def test_without_tokens_only_loopback_is_served(host: str) -> None:
    """Any other address would be open to strangers."""
    with pytest.raises(AccessError, match="ROLLCALL_TOKENS"):
        Access(host, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_is_served(host: str) -> None:
    """Names of this machine need no tokens."""
    assert Access(host, None).tokens is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"secret": {"tenant": "a", "role": "king"}}', '{"secret": {"tenant": "A"}}', '{"secret": 5}']
)
def test_a_broken_tokens_file_stops_the_start(tmp_path: Path, text: str) -> None:
    """The error names the file and never a token."""
    file = tmp_path / "tokens.json"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(AccessError, match=r"tokens\.json") as caught:
        Access.read("127.0.0.1", file)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o601])
def test_a_tokens_file_that_others_may_read_stops_the_start(tmp_path: Path, mode: int) -> None:
    """The error says what to do about it."""
    file = tmp_path / "tokens.json"
    file.write_bytes(msgspec.json.encode(TOKENS))
    file.chmod(mode)
    with pytest.raises(AccessError, match="chmod 600"):
        Access.read("127.0.0.1", file)


def test_an_owner_may_do_everything() -> None:
    """Every other role has a part of the owner's permissions."""
    assert all(permissions <= ROLES["owner"] for permissions in ROLES.values())


@pytest.mark.parametrize("host", ["evil.example", "evil.example:6066", "127.0.0.1.evil.example", "", "192.168.1.5"])
async def test_a_foreign_host_is_refused(served: Served, host: str) -> None:
    """A name that somebody let point here must not reach the server."""
    answer = await served[0].get("/v1/bali/groups", headers={"Host": host})
    assert answer.status == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "[::1]:6066"])
async def test_loopback_names_are_served(served: Served, host: str) -> None:
    """Any port: tunnels change it."""
    assert (await served[0].get("/v1/bali/groups", headers={"Host": host})).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://[", ""])
async def test_a_foreign_origin_may_not_write(served: Served, origin: str) -> None:
    """A page of another site may read nothing anyway, and must not write."""
    headers = {"Origin": origin}
    answer = await served[0].post("/v1/bali/groups", json={"id": "x"}, headers=headers)
    assert (answer.status, served[1].sent) == (403, [])
    assert (await served[0].get("/v1/bali/groups", headers=headers)).status == 200


async def test_the_own_origin_may_write(served: Served) -> None:
    """The server's own page may."""
    origin = f"http://127.0.0.1:{served[0].port}"
    answer = await served[0].post("/v1/bali/commands", json={"type": "x"}, headers={"Origin": origin})
    assert answer.status == 422


async def test_logs_and_metrics_name_no_guest(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """The route's pattern stands where the path held a phone."""
    caplog.set_level(logging.DEBUG)
    served[1].group("vip")
    served[1].member("vip", MADE)
    await served[0].get(f"/v1/bali/contacts/{MADE}/groups/vip")
    await served[0].get(f"/v1/bali/nowhere/{MADE}")
    said = await (await served[0].get("/metrics")).text()
    own = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("asyncio"))
    assert "6281234567890" not in own + said
    assert 'route="/v1/{tenant}/contacts/{contact}/groups/{group}"' in said


async def test_a_failure_is_a_500_without_what_failed(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """The caller learns nothing of the inside, and the log no guest's data."""

    def broken(_: object) -> None:
        raise KeyError(MADE)

    served[1].decide = broken  # type: ignore[assignment]
    answer = await served[0].post("/v1/bali/groups", json={"id": "x"})
    assert answer.status == 500
    assert answer.content_type == "application/problem+json"
    assert MADE not in await answer.text() + caplog.text
    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /v1/bali/contacts/tel:+6281234567890 x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"6281234567890\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"6281234567890" * 2000 + b"\r\n\r\n",
        b"POST /v1/bali/groups HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n6281234567890x\r\n",
    ],
)
async def test_what_is_no_http_is_not_quoted_in_the_log(
    served: Served, caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    """The library would log the line that it could not read, phone and all."""
    caplog.set_level(logging.DEBUG)
    reader, writer = await asyncio.open_connection("127.0.0.1", served[0].port)
    writer.write(raw)
    answer = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    assert b" 400 " in answer
    assert "6281234567890" not in caplog.text


async def test_a_body_that_is_not_what_it_says_is_400(served: Served) -> None:
    """A body that does not unpack is the caller's fault."""
    answer = await served[0].post("/v1/bali/groups", data=b"no gzip", headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
