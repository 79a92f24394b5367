"""Where the broker's Java archives come from: pinned with their hashes, fetched once through jgo, kept in a cache."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from streams.settings import cache_folder

if TYPE_CHECKING:
    from jgo.maven import MavenContext

KAFKA_VERSION = "4.1.2"
"""The broker that this project starts; docker-compose.kafka.yml names the same."""

LOCK = Path(__file__).with_name("kafka.lock")
"""One archive a line: coordinate, sha256, bytes. `python -m streams.runtime.jars` writes it anew."""

_KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka logs through slf4j and its own POM leaves the bridge to its distribution
_BRIDGE = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3"


class JarsError(Exception):
    """The archives cannot be had; the text says what to do."""


class Jar(Struct, frozen=True):
    """One archive of the lock file."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """Where it lies below the cache: the layout of every Maven repository."""
        return Path(*self.group.split("."), self.artifact, self.version, f"{self.artifact}-{self.version}.jar")


def locked() -> list[Jar]:
    """What the lock file pins."""
    return [_jar(line) for line in LOCK.read_text().splitlines()]


def _jar(line: str) -> Jar:
    coordinate, sha256, size = line.split()
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, sha256, int(size))


def classpath(cache: Path | None = None, say: Callable[[str], None] | None = None) -> list[Path]:
    """All archives as files, fetching those that the cache does not have; raises JarsError.

    `say` is told before a fetch begins, which happens once on a machine and takes its time.
    """
    folder = (cache or cache_folder()) / "jars"
    jars = locked()
    missing = [jar for jar in jars if not _present(folder / jar.path, jar)]
    if missing:
        if say:
            mib = sum(jar.size for jar in missing) / 2**20
            say(f"fetching Kafka {KAFKA_VERSION}, {len(missing)} archives, {mib:.0f} MiB, once")
        _fetch(missing, folder)
    return [folder / jar.path for jar in jars]


def _present(path: Path, jar: Jar) -> bool:
    # the hash was checked before the file came here under its name
    return path.is_file() and path.stat().st_size == jar.size


def _fetch(jars: list[Jar], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as scratch, ThreadPoolExecutor(6) as pool:
            context = _repository(Path(scratch))
            list(pool.map(lambda jar: _fetch_one(context, jar, folder), jars))
    except (OSError, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise JarsError(
            f"cannot fetch {len(jars)} of Kafka's archives into {folder}: {first}. Go online once, or copy the"
            " cache of a machine that has it and point ROLLCALL_CACHE there, or name a running Kafka in"
            " ROLLCALL_BROKERS."
        ) from error


def _fetch_one(context: MavenContext, jar: Jar, folder: Path) -> None:
    coordinate = f"{jar.group}:{jar.artifact}:{jar.version}"
    got = _resolve(context, coordinate)
    if hashlib.sha256(got.read_bytes()).hexdigest() != jar.sha256:
        raise RuntimeError(f"{coordinate} is not the file that {LOCK.name} pins")
    target = folder / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # under its name only when whole and checked: an interrupted or a second fetch spoils nothing
    got.replace(target)


def _repository(scratch: Path) -> MavenContext:
    from jgo.maven import MavenContext  # noqa: PLC0415 (a third of a second, and needed once on a machine)

    return MavenContext(repo_cache=scratch, timeout=60)


def _resolve(context: MavenContext, coordinate: str) -> Path:
    """The archive in the scratch folder; the network may stumble once in 46: three tries."""
    artifact = context.create_dependency(coordinate).artifact
    for _ in range(2):
        try:
            return artifact.resolve()
        except OSError:
            # half a file would be taken for a whole one
            (context.repo_cache / artifact.component.path_prefix / artifact.filename).unlink(missing_ok=True)
    return artifact.resolve()


def write_lock() -> None:
    """Resolve Kafka and what it needs, and write the lock file."""
    with tempfile.TemporaryDirectory() as scratch:
        context = _repository(Path(scratch))
        # resolved alone: the bridge's own parents would turn other versions of Kafka's archives
        inputs, others = context.resolver.resolve([context.create_dependency(_KAFKA)])
        artifacts = [one.artifact for one in [*inputs, *others, context.create_dependency(_BRIDGE)]]
        lines = [_line(f"{one.groupId}:{one.artifactId}:{one.version}", one.resolve()) for one in artifacts]
    LOCK.write_text("".join(f"{line}\n" for line in sorted(lines)))


def _line(coordinate: str, path: Path) -> str:
    return f"{coordinate} {hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_size}"


if __name__ == "__main__":
    write_lock()
