"""The commands that ask over HTTP, against a server that answers what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from streams.cli.app import run
from streams.cli.ask import Api, base_url, problem


class Server:
    """Answers by method and path, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.tokens: list[str | None] = []
        self.http = ""

    def answer(self, line: str, body: bytes) -> tuple[int, bytes]:
        """The answer to `METHOD path`, a problem where none is set."""
        self.asked.append((line, json.loads(body) if body else None))
        status, said = self.answers.get(line, (404, {"title": "Not Found", "detail": "there is no such thing"}))
        return status, said if isinstance(said, bytes) else json.dumps(said).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that the commands find."""
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            told.tokens.append(self.headers.get("Authorization"))
            length = int(self.headers.get("Content-Length") or 0)
            status, said = told.answer(f"{self.command} {self.path}", self.rfile.read(length))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815  # the names are the base class's

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        told.http = f"127.0.0.1:{http.server_address[1]}"
        monkeypatch.setenv("ROLLCALL_HTTP", told.http)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        yield told
        http.shutdown()
        thread.join()


def test_pages_are_followed(server: Server) -> None:
    """A list is read to its end by its cursors, or to the limit."""
    server.answers = {
        "GET /v1/t/groups?limit=1000": (200, {"items": [1, 2], "cursor": "a/b"}),
        "GET /v1/t/groups?limit=1000&cursor=a%2Fb": (200, {"items": [3], "cursor": None}),
        "GET /v1/t/groups?limit=2": (200, {"items": [1, 2], "cursor": "a"}),
    }
    assert list(Api(server.http, "t").items("groups")) == [1, 2, 3]
    assert list(Api(server.http, "t").items("groups", limit=2)) == [1, 2]


def test_contact_ids_in_paths(server: Server) -> None:
    """A slash in an id is no path; colons and pluses stand as they are."""
    server.answers = {"GET /v1/t/contacts/booking:a%2Fb:1+": (200, {"contact": "x"})}
    assert Api(server.http, "t").get("contacts", "booking:a/b:1+") == {"contact": "x"}


@pytest.mark.parametrize(
    ("line", "asked", "body"),
    [
        (
            "tenants put t --region ID --phone-format digits --property u=ID/Asia/Jakarta --property b",
            "PUT /v1/t",
            {
                "region": "ID",
                "phone_format": "digits",
                "properties": {"u": {"region": "ID", "zone": "Asia/Jakarta"}, "b": {}},
            },
        ),
        (
            "groups create t --id g --name G --sticky --join-word A --join-word B",
            "POST /v1/t/groups",
            {"id": "g", "name": "G", "sticky": True, "join_words": ["A", "B"]},
        ),
        ("groups update t g --reply Hi", "PATCH /v1/t/groups/g", {"reply": "Hi"}),
        ("groups delete t g", "DELETE /v1/t/groups/g", None),
        (
            "members add t g 0812-34 +62812 tel:+62813 mailto:a@b.c",
            "POST /v1/t/groups/g/members",
            {"contacts": [{"phone": "0812-34"}, {"phone": "+62812"}, {"id": "tel:+62813"}, {"id": "mailto:a@b.c"}]},
        ),
        (
            "members add t g a@b.c 62812@c.us https://wa.me/62812",
            "POST /v1/t/groups/g/members",
            {"contacts": [{"id": "mailto:a@b.c"}, {"phone": "62812@c.us"}, {"phone": "https://wa.me/62812"}]},
        ),
        ("members remove t g +62-812", "DELETE /v1/t/groups/g/members/+62-812", None),
    ],
)
def test_writes(server: Server, line: str, asked: str, body: Any) -> None:
    """What is typed becomes the body of the call."""
    server.answers = {asked: (200, {"id": "g"})}
    assert run(line.split()) == 0
    assert server.asked == [(asked, body)]


@pytest.mark.parametrize(
    ("line", "asked", "said", "out"),
    [
        (
            "groups list t",
            "GET /v1/t/groups?limit=1000",
            {"items": [{"id": "g", "members": 1}], "cursor": None},
            "id  name  status  members  sendable\ng   -     -       1        -\n",
        ),
        (
            "groups show t g",
            "GET /v1/t/groups/g",
            {"id": "g", "sticky": False, "reply": None},
            "id      g\nsticky  no\n",
        ),
        ("contacts check t +62812 g", "GET /v1/t/contacts/+62812/groups/g", {"member": True}, "yes\n"),
        (
            "contacts check t +62812 g --json",
            "GET /v1/t/contacts/+62812/groups/g",
            {"member": False},
            '{"member":false}\n',
        ),
        (
            "groups forecast t g --days 90",
            "GET /v1/t/groups/g/forecast?days=90",
            {"days": 90, "members": 3, "leaving": 2, "by_day": [{"day": "2026-12-01", "leaving": 2}]},
            "day         leaving\n2026-12-01  2\n",
        ),
        (
            "contacts explain t +62812 g",
            "GET /v1/t/contacts/+62812/groups/g/explain",
            {
                "member": False,
                "because": "rule_false",
                "sources": [],
                "since": None,
                "turns_at": None,
                "sendable": True,
                "flips": ["to be in vip", "group.add"],
                "rule": {
                    "path": "rule",
                    "true": False,
                    "facts": [],
                    "lacks": None,
                    "turns_at": None,
                    "rules": [
                        {
                            "path": "rule.all[0]",
                            "true": True,
                            "lacks": None,
                            "turns_at": "soon",
                            "rules": [],
                            "facts": [{"what": "dinner", "counts": True}, {"what": "pet", "counts": False}],
                        }
                    ],
                },
                "history": [{"time": "now", "change": "left", "reason": "expired", "evidence": None}],
            },
            (
                "member    no\nbecause   rule_false\nsendable  yes\nflips     to be in vip, group.add\n"
                "path         true  facts   lacks  turns_at\nrule         no    -       -      -\n"
                "rule.all[0]  yes   dinner  -      soon\n"
                "time  change  reason   evidence  effective_at\nnow   left    expired  -         -\n"
            ),
        ),
        (
            "contacts explain t x g --json",
            "GET /v1/t/contacts/x/groups/g/explain",
            {"member": True},
            '{"member":true}\n',
        ),
        ("groups forecast t g --json", "GET /v1/t/groups/g/forecast?days=30", {"days": 30}, '{"days":30}\n'),
        ("tenants show t --json", "GET /v1/t", {"name": "Bäli"}, '{"name":"Bäli"}\n'),
        (
            "members list t g --limit 5 --json",
            "GET /v1/t/groups/g/members?limit=5",
            {"items": [], "cursor": None},
            "[]\n",
        ),
    ],
)
def test_reads(server: Server, capsys: pytest.CaptureFixture[str], line: str, asked: str, said: Any, out: str) -> None:  # noqa: PLR0917
    """What is answered is shown as a table or as JSON."""
    server.answers = {asked: (200, said)}
    assert run(line.split()) == 0
    assert capsys.readouterr().out == out


def test_a_rule_is_tried(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A preview sends the rule, and shows how many, who, and in which groups they are; --json shows it as it came."""
    told = {
        "contacts": 9,
        "count": 2,
        "sendable": 1,
        "overlap": [{"group": "vip", "name": "VIP", "count": 1}],
        "sample": [{"contact": "tel:+62812", "name": "Made", "expires_at": None, "sendable": True}],
    }
    server.answers = {"POST /v1/t/groups/preview": (200, told)}
    line = ["groups", "preview", "t", "--rule", '{"group": "vip"}']
    assert run(line) == 0
    assert server.asked == [("POST /v1/t/groups/preview", {"rule": {"group": "vip"}})]
    assert capsys.readouterr().out == (
        "contacts  9\ncount     2\nsendable  1\n"
        "contact     name  expires_at  sendable\ntel:+62812  Made  -           yes\n"
        "group  name  count\nvip    VIP   1\n"
    )
    assert run([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told


def test_a_refusal(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A problem is told in one line, with exit code 1."""
    assert run(["groups", "show", "t", "nix"]) == 1
    assert capsys.readouterr().err == "rollcall: Not Found: there is no such thing (404)\n"


def test_an_answer_that_takes_longer(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A write that is only promised is told as such, with the command's id."""
    server.answers = {"POST /v1/t/groups": (202, {"id": "c-1"})}
    assert run(["groups", "create", "t", "--name", "x"]) == 0
    assert capsys.readouterr().err == "asked for, as command c-1\n"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"<html>secret", "Bad Gateway (502)"),
        (b"[]", "Bad Gateway (502)"),
        (b'{"title": "No", "detail": "data.rule"}', "No: data.rule (502)"),
        (
            b'{"title": "No", "detail": "is too much", "path": "rule.min_stars"}',
            "No: rule.min_stars: is too much (502)",
        ),
        (b'{"detail": "data.rule"}', "data.rule (502)"),
        (b'{"detail": "a\\nb\\u001b[2J"}', "a\\x0ab\\x1b[2J (502)"),
    ],
)
def test_problems(raw: bytes, told: str) -> None:
    """Only what a problem document says is repeated."""
    assert problem(502, raw) == told
    assert problem(799, b"") == "refused (799)"


def test_tokens(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the server wants tokens, the widest of the tenant's own goes along, and nobody else's."""
    file = tmp_path / "tokens.json"
    roles = {"a": ("t", "viewer"), "b": ("t", "owner"), "c": ("u", "owner"), "d": ("t", None)}
    file.write_text(json.dumps({token: {"tenant": tenant, "role": role} for token, (tenant, role) in roles.items()}))
    monkeypatch.setenv("ROLLCALL_TOKENS", str(file))
    for tenant in ("t", "u", "v"):
        run(["tenants", "show", tenant])
    assert server.tokens == ["Bearer b", "Bearer c", None]
    file.write_text('{"secret": []}')
    capsys.readouterr()
    assert run(["tenants", "show", "t"]) == 1
    assert "is no tokens file" in (said := capsys.readouterr().err)
    assert "secret" not in said


def test_addresses() -> None:
    """An address may be given as host and port or as an URL."""
    assert base_url("127.0.0.1:6066") == base_url("http://127.0.0.1:6066/") == "http://127.0.0.1:6066"
