"""Faults of the brokers, of the ways to them, and of the rights on them."""

from __future__ import annotations

import time
from random import Random

from tests.chaos.cluster import Cluster
from tests.chaos.faults import Fault, Inject, MissedError, any_worker
from tests.chaos.proxy import Proxy

BRIEF, LONG = (1.0, 4.0), (8.0, 12.0)


def _leader(cluster: Cluster, dice: Random) -> tuple[int, int]:
    """Choose a node that leads, and say how many partitions: who comes back leads nothing for some minutes."""
    leading = {node: led for node in cluster.broker.numbers if (led := cluster.control.leads(node))}
    if not leading:
        raise MissedError("nobody leads")
    node = dice.choice(list(leading))
    return node, leading[node]


def _stalled(cluster: Cluster, seconds: float) -> float:
    """Return the longest time (s) without an acknowledgement while some seconds go by."""
    end, worst = time.monotonic() + seconds, 0.0
    count, since = len(cluster.publisher.acknowledged), time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.05)
        if len(cluster.publisher.acknowledged) != count:
            count, since = len(cluster.publisher.acknowledged), time.monotonic()
        worst = max(worst, time.monotonic() - since)
    return worst


def one_broker(how: str) -> Inject:
    """One node of three ends in order (`stop`) or at once (`kill`); others lead, and it comes back."""

    def inject(cluster: Cluster, dice: Random) -> str:
        node, led = _leader(cluster, dice)
        try:
            (cluster.broker.stop_node if how == "stop" else cluster.broker.kill_node)(node)
            took = cluster.wait(lambda: not cluster.control.leads(node), 60, "other leaders")
            time.sleep(dice.uniform(0, 3))
        finally:
            cluster.broker.start_node(node)
        cluster.wait(lambda: cluster.control.in_sync(node) >= led, 120, "the node's copies")
        return f"node {node} led {led} partitions, others after {took:.1f} s"

    return inject


def paused_broker(cluster: Cluster, dice: Random) -> str:
    """One node of three stands still until others lead, and wakes."""
    node, led = _leader(cluster, dice)
    cluster.broker.pause_node(node)
    try:
        took = cluster.wait(lambda: not cluster.control.leads(node), 60, "other leaders")
        time.sleep(dice.uniform(0, 3))
    finally:
        cluster.broker.resume_node(node)
    cluster.wait(lambda: cluster.control.in_sync(node) >= led, 120, "the node's copies")
    return f"node {node} led {led} partitions, others after {took:.1f} s"


def two_of_three(cluster: Cluster, dice: Random) -> str:
    """Two nodes of three die: nothing can be written, until they are back."""
    nodes = dice.sample(cluster.broker.numbers, 2)
    for node in nodes:
        cluster.broker.kill_node(node)
    try:
        stalled = _stalled(cluster, dice.uniform(4, 9))
    finally:
        for node in nodes:
            cluster.broker.start_node(node, 120)
    if stalled < 2.0:
        raise MissedError(f"acknowledgements stalled for {stalled:.1f} s only")
    return f"nodes {nodes} killed, no acknowledgement for {stalled:.1f} s"


def only_broker(how: str) -> Inject:
    """The only node ends or stands still, and comes back."""

    def inject(cluster: Cluster, dice: Random) -> str:
        broker, before = cluster.broker, len(cluster.publisher.acknowledged)
        down, up = {
            "stop": (broker.stop_node, broker.start_node),
            "kill": (broker.kill_node, broker.start_node),
            "pause": (broker.pause_node, broker.resume_node),
        }[how]
        down(1)
        try:
            stalled = _stalled(cluster, dice.uniform(2, 7))
        finally:
            up(1)
        cluster.wait(lambda: len(cluster.publisher.acknowledged) > before + 10, 90, "acknowledgements")
        if stalled < 1.5:
            raise MissedError(f"acknowledgements stalled for {stalled:.1f} s only")
        return f"no acknowledgement for {stalled:.1f} s"

    return inject


def clock_jump(cluster: Cluster, dice: Random) -> str:
    """The broker's wall clock jumps and comes back: by 20 s an open transaction looks too old."""
    if not cluster.broker.environ:
        raise MissedError("there is no C compiler")
    offset = dice.choice((-40, -20, 20))
    cluster.set_back = max(cluster.set_back, abs(offset))
    cluster.broker.set_clock(offset)
    try:
        cluster.wait(lambda: abs(cluster.publisher.append_lead - offset) < 5, 20, "the jump")
        seen = cluster.publisher.append_lead
        time.sleep(dice.uniform(2.0, 8.0))
    finally:
        cluster.highest_clock = max(cluster.highest_clock, time.time() + offset)
        cluster.broker.set_clock(0)
    cluster.wait(lambda: abs(cluster.publisher.append_lead) < 5, 20, "the way back")
    return f"append times were off by {seen:.1f} s, and came back"


# the ways there ------------------------------------------------------------------------------------------------------


def cut(cluster: Cluster, dice: Random) -> str:
    """All connections of the workers to a node are reset."""
    proxies = cluster.broker.proxies
    count = sum(proxies.cut(one) for one in dice.sample(proxies.all, dice.randint(1, len(proxies.all))))
    if not count:
        raise MissedError("there was no connection")
    return f"{count} connections reset"


def silent(length: tuple[float, float], *, reset: bool) -> Inject:
    """A node's connections stay and carry nothing for a while; then they are reset, or go on."""

    def inject(cluster: Cluster, dice: Random) -> str:
        proxies, one = cluster.broker.proxies, dice.choice(cluster.broker.proxies.all)
        before = one.held
        proxies.hush(one, silent=True)
        try:
            time.sleep(dice.uniform(*length))
        finally:
            ended = proxies.cut(one) if reset else 0
            proxies.hush(one, silent=False)
        return f"{_held(one, before)}, {ended} connections reset"

    return inject


def slow(cluster: Cluster, dice: Random) -> str:
    """Whatever goes through a node's connections takes longer for a while."""
    one = dice.choice(cluster.broker.proxies.all)
    before, one.delay = one.held, dice.uniform(0.05, 0.4)
    told = f"{one.delay * 1000:.0f} ms"
    try:
        time.sleep(dice.uniform(3.0, 6.0))
    finally:
        one.delay = 0.0
    return f"{told}, {_held(one, before)}"


def _held(one: Proxy, before: int) -> str:
    if one.held == before:
        raise MissedError("nothing was held up")
    return f"{one.held - before} pieces held up"


# rights --------------------------------------------------------------------------------------------------------------


def rights(topic: str) -> Inject:
    """The workers lose all rights on a topic in mid-stream, and get them back."""

    def inject(cluster: Cluster, dice: Random) -> str:
        name = f"{cluster.prefix}{topic}"
        deaths = len(cluster.deaths)
        cluster.control.deny(name)
        try:
            cluster.wait(lambda: len(cluster.deaths) > deaths, 30, "a worker that stops")
            time.sleep(dice.uniform(0, 3))
        finally:
            rules = cluster.control.allow(name)
        fresh = cluster.deaths[deaths:]
        return f"{rules} rule; {', '.join(f'{one.name} ended with {one.code}' for one in fresh[:3])}"

    return inject


def broker_and_worker(cluster: Cluster, dice: Random) -> str:
    """A node and a worker die together."""
    one = any_worker(cluster, dice)
    one.send(9)
    return f"{one.name} killed; " + one_broker("kill")(cluster, dice)


THREE = [
    Fault("broker clean stop", one_broker("stop"), 3),
    Fault("broker SIGKILL", one_broker("kill"), 3),
    Fault("broker SIGSTOP", paused_broker, 3),
    Fault("two of three brokers down", two_of_three, 3),
    Fault("broker and worker SIGKILL", broker_and_worker, 3),
]
ONE = [
    Fault("only broker clean stop", only_broker("stop")),
    Fault("only broker SIGKILL", only_broker("kill")),
    Fault("only broker SIGSTOP", only_broker("pause")),
    Fault("only broker's clock jumps", clock_jump),
]
WAYS = [
    Fault("connection cut", cut),
    Fault("connection half-open, then reset", silent(BRIEF, reset=True)),
    Fault("connection half-open past session", silent(LONG, reset=True)),
    Fault("connection stalls and goes on", silent(BRIEF, reset=False)),
    Fault("connection delayed", slow),
]
RIGHTS = [
    Fault(f"rights on {topic} taken away", rights(topic))
    for topic in ("contact-activity", "membership-changes", "decide-changelog")
]
