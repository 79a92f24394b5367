"""Logs have a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli import logs


def test_last_lines_of_a_log(tmp_path: Path) -> None:
    """The end of a log is told without empty lines; a log that is not there says nothing."""
    log = tmp_path / "x.log"
    assert logs.last_lines(log) == []
    log.write_text("".join(f"line {n}\n\n" for n in range(5000)))
    assert logs.last_lines(log, 2) == ["line 4998", "line 4999"]


def test_a_large_log_moves_aside_under_its_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes goes on in an empty file; what was there is kept once, and a small log stays as it is."""
    monkeypatch.setattr(logs, "LIMIT", 10)
    log = tmp_path / "store.log"
    with logs.appended(log) as writer:
        for text in (b"the first long line", b"the second long line", b"short"):
            writer.write(text)
            writer.flush()
            logs.rotate(log)
    assert log.read_bytes() == b"short"
    assert (tmp_path / "store.log.1").read_bytes() == b"the second long line"
