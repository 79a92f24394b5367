"""From Python and make alone: the locks are whole, name no host, and CI runs what people run."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest

from streams.runtime import jars

ROOT = Path(__file__).parents[2]


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _pins(lock: str) -> dict[str, str]:
    """Name → version of every requirement of a lock file."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[\S+\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def _extras_wanted(package: str) -> set[tuple[str, str]]:
    """(name, extra) of what a package wants of others, where it is installed."""
    lines = [line for line in requires(package) or [] if "extra ==" not in line]
    found = (re.match(r"([A-Za-z0-9_.-]+) ?\[([\w,-]+)\]", line) for line in lines)
    return {(one[1].lower(), extra) for one in found if one for extra in one[2].split(",")}


def _wanted(extras: list[str]) -> dict[str, str]:
    project = _project()
    lines = project["dependencies"] + [one for extra in extras for one in project["optional-dependencies"][extra]]
    pairs = (re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[\w+\])?==([^\s;]+)(?:; .+)?", line) for line in lines)
    return {found[1].lower(): found[2] for found in pairs if found}


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.txt", ["build"]), ("requirements-dev.txt", ["build", "dev"])]
)
def test_lock_holds_what_is_asked_for(lock: str, extras: list[str]) -> None:
    """Every dependency is pinned exactly, and the lock has that very version; `make lock` writes it anew."""
    project = _project()
    asked = project["dependencies"] + [one for extra in extras for one in project["optional-dependencies"][extra]]
    wanted = _wanted(extras)
    assert len(wanted) == len(asked)
    assert wanted.items() <= _pins(lock).items()


def test_lock_names_extras() -> None:
    """A package that another wants with an extra is locked with it: else pip looks for a newer one, without a hash."""
    lock = (ROOT / "requirements-dev.txt").read_text()
    wanted = set[tuple[str, str]]()
    for package in _pins("requirements-dev.txt"):
        with suppress(PackageNotFoundError):  # it is for other machines
            wanted |= _extras_wanted(package)
    assert ("coverage", "toml") in wanted
    assert not {one for one in wanted if not re.search(rf"^{one[0]}\[(\S+,)?{one[1]}[],]", lock, re.MULTILINE)}


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_has_hashes(lock: str) -> None:
    """No requirement is without a hash, and no line names a host or a folder."""
    text = (ROOT / lock).read_text()
    for block in re.split(r"\n(?=\S)", text):
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert not re.search(r"://|--index|--find-links|file:", text)


def test_locks_agree() -> None:
    """Developers run the versions that users get."""
    assert _pins("requirements.txt").items() <= _pins("requirements-dev.txt").items()


def test_archives_are_pinned() -> None:
    """Every archive of the broker has its hash, and all of Kafka's are of one version."""
    locked = jars.locked()
    assert {jar.version for jar in locked if jar.group == "org.apache.kafka"} == {jars.KAFKA_VERSION}
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in locked)
    assert len({(jar.group, jar.artifact) for jar in locked}) == len(locked)


def test_ci_runs_what_people_run() -> None:
    """`.ci/run` stops at the first failure and calls the two commands that the README tells."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-2:] == ["make check", "make test"]
