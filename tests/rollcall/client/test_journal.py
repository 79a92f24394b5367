"""Items and checkpoints on disk: whole or not at all, wherever a write is cut off."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.client import ClientError, FileState, Journal, MembershipReader, Told
from rollcall.client.told import present
from schemas.base import example
from schemas.outputs import Membership

ROW = msgspec.json.decode(example(Membership), type=Membership)


def told(seq: int) -> Told:
    """A membership that is there."""
    return present(msgspec.structs.replace(ROW, seq=seq))


def seqs(path: Path) -> list[int]:
    """What a journal holds, by seq."""
    return [one["seq"] for one in Journal.read(path)]


@given(batches=st.lists(st.integers(0, 3), max_size=4), data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_cut_leaves_whole_batches(batches: list[int], data: st.DataObject) -> None:
    """Cut the file anywhere, or damage its end: whole batches remain, and the checkpoint after them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        ends: list[tuple[int, bytes | None, int]] = [(0, None, 0)]
        with Journal(path) as journal:
            for number, count in enumerate(batches):
                total = ends[-1][2]
                sealed = f'{{"n":{number}}}'.encode()
                journal.append([told(seq) for seq in range(total + 1, total + count + 1)], sealed)
                ends.append((path.stat().st_size, sealed, total + count))
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole)))
        tail = data.draw(st.sampled_from([b"", b"\0\0\0", b"[", b"\n", b'{"checkpoint":{},"crc":1}\n', b"\xff{}\n"]))
        damaged = whole[:at] + tail
        path.write_bytes(damaged)
        # what was put behind the cut may be just what was cut off
        kept = [one for one in ends if damaged[: one[0]] == whole[: one[0]]]
        _, checkpoint, total = max(kept, key=lambda one: one[0])
        assert seqs(path) == list(range(1, total + 1))
        with Journal(path) as journal:
            assert journal.checkpoint == checkpoint
            journal.append([told(99)], b"{}")
        assert seqs(path) == [*range(1, total + 1), 99]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A second opening is refused while the first one lives."""
    run = f"from rollcall.client import Journal; Journal({str(tmp_path / 'j')!r}).__enter__()"
    with Journal(tmp_path / "j"):
        second = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
        assert "is open in another process" in second.stderr
    subprocess.run([sys.executable, "-c", run], check=True)


def test_nothing_follows_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a write that failed half way the journal refuses more; opened again it is as before."""
    with Journal(tmp_path / "j") as journal:
        journal.append([told(1)], b'{"n":1}')
        with monkeypatch.context() as patch:
            patch.setattr("rollcall.client.journal.os.fsync", fail)
            with pytest.raises(OSError, match="disk full"):
                journal.append([told(2)], b'{"n":2}')
        with pytest.raises(ClientError, match="open the journal again"):
            journal.append([told(3)], b'{"n":3}')


def fail(_: int) -> None:
    """A disk that has had enough."""
    raise OSError("disk full")


def test_a_state_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A file state gives back what was saved last, and None at first; a half-written one beside it does not matter."""
    state = FileState(tmp_path / "state")
    assert state.load() is None
    state.save(b"one")
    state.save(b"two")
    (tmp_path / "state.new").write_bytes(b"thr")
    assert FileState(tmp_path / "state").load() == b"two"


def test_a_reader_takes_one_place_only(tmp_path: Path) -> None:
    """A reader has a checkpoint or a state, not both; and no commit without a state; groups is no text."""
    with pytest.raises(ClientError, match="not both"):
        MembershipReader("127.0.0.1:1", checkpoint=b"{}", state=FileState(tmp_path / "state"))
    with pytest.raises(ClientError, match="no state to commit to"):
        MembershipReader("127.0.0.1:1").commit()
    with pytest.raises(ClientError, match="collection of ids"):
        MembershipReader("127.0.0.1:1", groups="vip")
