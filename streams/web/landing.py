"""The page at `/`: the groups of every tenant and how many are in them, by themselves up to date."""

from __future__ import annotations

import base64
import hashlib

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2433 }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #d8dde6 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
small { color: #5b6577 }
"""
_SCRIPT = """
"use strict";
const main = document.querySelector("main"), state = document.querySelector("#state");
const cell = (row, text, kind = "td", name = "") => {
  const made = row.appendChild(document.createElement(kind));
  made.textContent = text; made.className = name;
};
const all = async (path) => {
  const items = [];
  for (let cursor = null; ;) {
    const token = sessionStorage.getItem("token");
    const answer = await fetch(path + "?limit=1000" + (cursor ? "&cursor=" + cursor : ""),
      { headers: token ? { Authorization: "Bearer " + token } : {} });
    if (answer.status === 401) { sessionStorage.setItem("token", prompt("Token") || ""); }
    if (!answer.ok) { throw new Error((await answer.json()).detail); }
    const page = await answer.json();
    items.push(...page.items);
    if (!(cursor = page.cursor)) { return items; }
  }
};
const table = (tenant, groups) => {
  const made = document.createElement("table"), head = made.createTHead().insertRow();
  made.createCaption().textContent = tenant;
  for (const [text, name] of [["group", ""], ["status", ""], ["members", "n"], ["sendable", "n"]]) {
    cell(head, text, "th", name);
  }
  const body = made.createTBody();
  for (const group of groups) {
    const row = body.insertRow();
    cell(row, group.name);
    cell(row, group.status);
    for (const count of [group.members, group.sendable]) { cell(row, count, "td", "n"); }
  }
  return made;
};
const refresh = async () => {
  try {
    const tables = [];
    for (const { tenant } of await all("/v1")) { tables.push(table(tenant, await all("/v1/" + tenant + "/groups"))); }
    main.replaceChildren(...tables);
    state.textContent = tables.length ? "live" : "no tenant yet: PUT /v1/{tenant} makes one";
  } catch (error) { state.textContent = error.message; }
  setTimeout(refresh, 2000);
};
refresh();
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Rollcall</title><style>{_STYLE}</style></head>
<body><h1>Rollcall</h1>
<p><small><span id="state" role="status">asking</span> · <a href="/openapi.json">the calls</a> ·
<a href="/metrics">metrics</a></small></p>
<main></main><script>{_SCRIPT}</script></body></html>
"""
