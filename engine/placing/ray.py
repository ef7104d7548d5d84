"""Workers as Ray actors, one a slot: Ray finds the room, and another node once theirs is gone.

The only module that imports Ray, and imported by who asks for it. A cluster is joined here and never begun.
"""

import logging
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from engine.placing.order import Order, new_slot_name
from engine.placing.placement import Placed
from engine.placing.slot import Slot, Standing
from store.errors import RequestError
from store.printable import one_line

# Read by Ray when it is imported: it would print what its nodes die of on standard output, which is ours.
os.environ.update({"RAY_DEDUP_LOGS": "1", "RAY_DEDUP_LOGS_SKIP_REGEX": "."})

import ray
from ray.exceptions import ActorUnavailableError, RayActorError

NAMESPACE = "aetui"
ADDRESS_VARIABLE = "RAY_ADDRESS"
_TLS_VARIABLE = "RAY_USE_TLS"
_ANSWERS_S = 5.0
_HTTP2, _SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), b"\x04"
"""How gRPC begins, and the kind of frame that it is answered with."""
_LOOK_S, _SETTLES_S = 0.5, 5.0
_LEAVES_S = 5.0
_SAYS_AGAIN_S = 60.0
"""How long an actor holds a question that nothing new can be said to."""
_LONGEST = 300
_ADVICE = "`ray start --head` begins one on this machine, --address HOST:6379 names another one's"


class SlotActor:
    """A `Slot` in an actor: at work from its construction, so that Ray can construct it again on another node."""

    def __init__(self, name: str, order: Order, is_detached: bool) -> None:
        context = ray.get_runtime_context()
        place = f"node {context.get_node_id()[:8]} ({_ip_address()})"
        self._itself = context.current_actor if is_detached else None
        self._standing: Standing | None = None
        self._changed = threading.Condition()
        self._slot = Slot(name, order, place, self._tell)
        threading.Thread(target=self._work, name="slot", daemon=True).start()

    def standing(self, seen: Standing | None) -> Standing | None:
        """How it stands, as soon as that is something else than ``seen``."""
        with self._changed:
            self._changed.wait_for(lambda: self._standing != seen, _SAYS_AGAIN_S)
            return self._standing

    def leave(self, number: int) -> None:
        self._slot.leave(number)

    def _work(self) -> None:
        self._slot.work()
        if self._itself is not None:  # nobody else would end it
            time.sleep(_SETTLES_S)  # who placed it may listen for what became of it
            ray.kill(self._itself, no_restart=True)

    def _tell(self, standing: Standing) -> None:
        with self._changed:
            self._standing = standing
            self._changed.notify_all()


class RayPlacement:
    """Actors of a cluster; where they are not detached, they end with this process."""

    def __init__(self, order: Order, slots: int, *, is_detached: bool) -> None:
        self._placed: dict[str, Placed] = {}
        self._actors: dict[str, Any] = {}
        self._asked: dict[Any, str] = {}
        self._is_leaving = False
        for name in (new_slot_name() for _ in range(slots)):
            self._placed[name] = Placed(id=f"aetui-{name}", name=name)
            self._actors[name] = _actor(name, order, is_detached)
            self._ask(name)

    def look(self) -> list[Placed]:
        if self._asked:
            ready, _ = ray.wait(list(self._asked), num_returns=len(self._asked), timeout=_LOOK_S)
            for answer in ready:
                self._hear(self._asked.pop(answer), answer)
        return list(self._placed.values())

    def settle(self) -> list[Placed]:
        deadline = time.monotonic() + _SETTLES_S
        while any(each.standing is None and not each.is_over for each in self.look()) and time.monotonic() < deadline:
            pass
        return list(self._placed.values())

    def leave(self) -> None:
        self._is_leaving = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        for name in self._left():
            ray.kill(self._actors[name], no_restart=True)

    def close(self) -> None:
        ray.shutdown()

    def _left(self) -> list[str]:
        return [name for name, placed in self._placed.items() if not placed.is_over]

    def _ask(self, name: str) -> None:
        self._asked[self._actors[name].standing.remote(self._placed[name].standing)] = name

    def _hear(self, name: str, answer: Any) -> None:
        placed = self._placed[name]
        try:
            standing = ray.get(answer)
        except ActorUnavailableError:
            self._ask(name)
            return
        except RayActorError as error:
            says = _cause(error) if placed.standing is None else None
            self._placed[name] = replace(placed, is_over=True, says=says)
            return
        is_over = standing is not None and standing.exit_status is not None
        self._placed[name] = replace(placed, standing=standing, is_over=is_over)
        if is_over:
            ray.kill(self._actors[name], no_restart=True)  # others may wait for its room
            return
        self._ask(name)
        if self._is_leaving and standing is not None:  # its node died before it had left
            self._actors[name].leave.remote(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        """Send it to every worker; actors that do not answer have none, or are on their way to another node."""
        answers = {self._actors[name].leave.remote(number): name for name in self._left()}
        if not answers:
            return
        _, silent = ray.wait(list(answers), num_returns=len(answers), timeout=_LEAVES_S)
        for answer in silent:
            ray.kill(self._actors[answers[answer]], no_restart=True)


def _actor(name: str, order: Order, is_detached: bool) -> Any:
    made = ray.remote(SlotActor).options(
        name=f"aetui-{name}",
        namespace=NAMESPACE,
        lifetime="detached" if is_detached else None,
        num_cpus=order.cpus,
        num_gpus=order.gpus,
        max_restarts=-1,
        max_task_retries=-1,
        max_concurrency=4,
        scheduling_strategy="SPREAD",
    )
    # An address with a password is an argument: those, unlike a runtime environment, are shown nowhere.
    return made.remote(name, order, is_detached)


def place(order: Order, slots: int, *, is_detached: bool) -> RayPlacement:
    """Place actors on the cluster that `join` joined; those that find no room wait for it."""
    return RayPlacement(order, slots, is_detached=is_detached)


def lacking(order: Order) -> str | None:
    """What no node of the cluster has as much of as one slot wants, in words; None: some node has it all."""
    wanted = {"CPU": float(order.cpus), "GPU": float(order.gpus)}
    nodes = [node["Resources"] for node in _nodes() if node["Alive"]]
    if any(all(node.get(key, 0.0) >= amount for key, amount in wanted.items()) for node in nodes):
        return None
    return " and ".join(f"{amount:g} {key}" for key, amount in wanted.items() if amount)


def join(address: str | None) -> None:
    """Join the cluster at ``address``, else at ``RAY_ADDRESS``, else the one that this machine belongs to.

    Raises:
        RequestError: there is none, or it is not one that this installation can join.
    """
    named = address or os.environ.get(ADDRESS_VARIABLE) or "auto"
    if named != "auto":
        _check_answers(named)
    try:
        with _nothing_said():
            ray.init(address=named, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (Exception, SystemExit) as error:  # it leaves the process where nobody answers
        cause = "" if isinstance(error, SystemExit | ConnectionError) else f" ({_cause(error)})"
        raise RequestError(f"No Ray cluster could be joined{_at(named)}{cause}: {_ADVICE}.") from None


def _check_answers(address: str) -> None:
    """Ray itself tries for two minutes.

    Raises:
        RequestError: no gRPC server listens there, or it is no address (``local`` would begin a cluster).
    """
    found = re.fullmatch(r"\[?([^\[\]/@\s]+?)\]?:(\d{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise RequestError(f"{one_line(address, _LONGEST)!a} is no address of a Ray cluster: write it like HOST:6379.")
    try:
        with socket.create_connection((found[1], int(found[2])), timeout=_ANSWERS_S) as server:
            if os.environ.get(_TLS_VARIABLE, "0") != "0":
                return  # it speaks first in another language
            server.sendall(_HTTP2)
            answer = server.recv(len(_HTTP2))
    except OSError as error:
        raise RequestError(f"No Ray cluster answers{_at(address)} ({error.strerror or error}): {_ADVICE}.") from None
    if answer[3:4] != _SETTINGS:
        raise RequestError(f"What listens at {address} is no Ray cluster: {_ADVICE}.")


def _nodes() -> list[Mapping[str, Any]]:
    return list(ray.nodes())  # type: ignore[no-untyped-call]


def _ip_address() -> str:
    return str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]


def _at(address: str) -> str:
    return "" if address == "auto" else f" at {address}"


@contextmanager
def _nothing_said() -> Iterator[None]:
    """Ray's own warnings go to standard error below Python; what matters of them is told in a sentence."""
    kept = os.dup(2)
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _cause(error: BaseException) -> str:
    """What Ray says of it first; of an actor that could not be made, what it was that it raised."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return one_line(lines[-1 if "creation task" in lines[0] else 0], _LONGEST)
