"""`rollcall up` as people start it: one line when all answers, and nothing left when it is stopped."""

from __future__ import annotations

import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil

from streams.cli.ask import Api, healthy
from streams.private import is_open
from streams.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"ready (?P<url>http://127\.0\.0\.1:\d+) brokers=(?P<brokers>127\.0\.0\.1:\d+)\n")
LIMIT = 120.0


class Up:
    """A running `rollcall up` on ports of its own."""

    def __init__(self, data: Path, words: tuple[str, ...], settings: dict[str, str]) -> None:
        argv = [sys.executable, "-P", "-m", "rollcall", "up", "--http", "127.0.0.1:0", "--data", str(data), *words]
        env = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
        env |= {"PYTHONPATH": str(ROOT), "ROLLCALL_PARTITIONS": "4", **settings}
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=data
        )
        self.url = self.brokers = ""
        self.family: list[psutil.Process] = []

    def ready(self) -> None:
        """Wait for the line that says so."""
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(LIMIT), "no line within the limit"
        line = self.process.stdout.readline()
        found = READY.fullmatch(line)
        assert found, line + (self.process.communicate(timeout=LIMIT)[1] if not line else "")
        self.url, self.brokers = found["url"], found["brokers"]
        self.look()

    def look(self) -> None:
        """Remember every process that belongs to it."""
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def named(self, words: str) -> psutil.Process:
        """The child that runs this command."""
        self.look()
        return next(one for one in self.family if _runs(one, words))

    def ended(self) -> tuple[int, str, str]:
        """Exit code, and what it still said."""
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err


@contextmanager
def up(data: Path, *words: str, **settings: str) -> Iterator[Up]:
    """Start one, and leave nothing of it, whatever happens."""
    data.mkdir(exist_ok=True)
    one = Up(data, words, settings)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.look()
            one.process.send_signal(signal.SIGTERM)
        try:
            one.process.communicate(timeout=LIMIT)
        finally:
            one.process.kill()
            for child in one.family:
                if child.is_running():
                    child.kill()


def _is_open(path: Path) -> bool:
    """Whether anybody but its owner may do anything with a file; some come and go while it runs."""
    try:
        return is_open(path)
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, and fail when it does not come."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not come within the limit"
        time.sleep(0.05)


def test_up_and_down_and_up_again(tmp_path: Path) -> None:
    """One line, all answers, a second one is refused, Ctrl-C ends all with 0, and the next goes on on other ports."""
    data = tmp_path / "data"
    with up(data, "--broker-port", "0") as one:
        one.ready()
        assert healthy(f"{one.url}/readyz")
        Api(one.url, "t").send("PUT", body={"region": "ID"})
        assert {os.getsid(child.pid) for child in one.family} == {os.getsid(0)}
        assert os.getpgid(one.process.pid) not in {os.getpgid(child.pid) for child in one.family}
        assert [path for path in (data, *data.rglob("*")) if _is_open(path)] == []

        with up(data, "--broker-port", "0") as second:
            code, out, err = second.ended()
        assert (code, out) == (1, "")
        assert "another `rollcall up` runs on" in err

        one.process.send_signal(signal.SIGINT)
        code, out, _ = one.ended()
        assert (code, out) == (0, "")
        assert not [child for child in one.family if child.is_running()]
    with up(data, "--broker-port", "0") as again:
        again.ready()
        assert again.url != one.url
        assert Api(again.url, "t").get()["region"] == "ID"


def test_a_process_that_dies_is_started_again(tmp_path: Path, bare_settings: Settings) -> None:
    """Beside brokers that run already: each hop and the store come back after a kill, with what was written."""
    with up(tmp_path / "beside", **beside(bare_settings)) as one:
        one.ready()
        assert one.brokers == bare_settings.brokers
        Api(one.url, "t").send("PUT", body={"region": "ID"})
        for words in ("rollcall worker normalize", "rollcall worker decide", "rollcall store"):
            killed = one.named(words).pid
            os.kill(killed, signal.SIGKILL)
            until(partial(_another, one, words, killed))
        until(partial(healthy, f"{one.url}/readyz"))
        assert Api(one.url, "t").get()["region"] == "ID"
        assert Api(one.url, "t").send("POST", "groups", body={"id": "vip"}).status in {201, 202}


def beside(settings: Settings) -> dict[str, str]:
    """The environment of an `up` on the test's own topics."""
    return {name: value for name, value in settings.environ().items() if name not in {"ROLLCALL_DATA", "ROLLCALL_HTTP"}}


def _another(one: Up, words: str, pid: int) -> bool:
    one.look()
    return any(_runs(child, words) and child.pid != pid for child in one.family)


def _runs(process: psutil.Process, words: str) -> bool:
    with suppress(psutil.Error):
        return words in " ".join(process.cmdline())
    return False


def test_what_a_killed_one_leaves_ends_by_itself(tmp_path: Path, bare_settings: Settings) -> None:
    """After a SIGKILL of `up` its children end too, and the next one on the folder begins at once."""
    data = tmp_path / "beside"
    with up(data, **beside(bare_settings)) as one:
        one.ready()
        one.process.kill()
        with up(data, **beside(bare_settings)) as again:
            again.ready()
        until(lambda: not any(child.is_running() for child in one.family))


def test_stop_while_it_starts(tmp_path: Path) -> None:
    """SIGTERM before anything is ready ends with 0 and without a line."""
    with up(tmp_path / "data", "--broker-port", "0") as one:
        until((tmp_path / "data" / "pids" / "broker.json").exists)
        one.look()
        one.process.send_signal(signal.SIGTERM)
        code, out, _ = one.ended()
    assert (code, out) == (0, "")
    assert not [child for child in one.family if child.is_running()]


def test_a_taken_port(tmp_path: Path) -> None:
    """A port that another program has is told at once, with the flag that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, flag in ((("--http", f"127.0.0.1:{port}"), "--http"), (("--broker-port", port), "--broker-port")):
            with up(tmp_path / "data", *words) as one:
                code, out, err = one.ended()
            assert (code, out) == (1, "")
            assert f"127.0.0.1:{port} is taken" in err
            assert flag in err


def test_the_tour_of_the_readme(tmp_path: Path, bare_settings: Settings) -> None:
    """The lines of the README do what it says: an event goes in, and its change comes out."""
    tour = next(
        block
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "tail" in block
    )
    with up(tmp_path / "beside", **beside(bare_settings)) as one:
        one.ready()
        tour = tour.replace("http://127.0.0.1:6066", one.url).replace("rollcall ", f"{sys.executable} -m rollcall ")
        env = (
            os.environ
            | beside(bare_settings)
            | {"ROLLCALL_HTTP": one.url.removeprefix("http://"), "PYTHONPATH": str(ROOT)}
        )
        done = subprocess.run(
            ["sh", "-e"], check=False, input=tour, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT
        )
    assert done.returncode == 0, done.stderr
    assert '"type":"membership.joined"' in done.stdout
    assert "\nyes\n" in done.stdout
    assert '"contact":"tel:+6281234567890"' in done.stdout
