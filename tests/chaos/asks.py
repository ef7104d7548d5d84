"""What users ask at random: runs, searches, a recipe, control of any run, looks and exports."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from store.records import Run, RunState
from tests.chaos import doomed
from tests.chaos.calls import REFUSED, Call, Calls
from tests.chaos.ledger import Ledger
from tests.chaos.place import RECIPE, SEARCH, SETTINGS, TWIN, Place

_MAX_WAITING = 6  # more than that only makes the settling long
_MAX_AT_ONCE = 4  # each takes a core for a second
_NUM_FOLLOWING = 2
_FAILED, _INTERRUPTED = 1, 130
_EXPERIMENTS = ("alpha", "beta.2", "gamma_")
_TWIN_EPOCHS, _TWIN_SEED = 25, 0
_SEARCH_TRIALS = 5
_CONTROL = {"pause": 3, "resume": 4, "stop": 2, "kill": 2, "rm": 2, "restore": 3, "tag": 2, "queue": 2}


def settings(width: int) -> list[str]:
    return [word for setting in (f"width={width}", *SETTINGS) for word in ("--set", setting)]


class Asks:
    """Draws what is asked next; remembers in the ledger what follows from it."""

    def __init__(self, place: Place, dice: random.Random, ledger: Ledger, calls: Calls) -> None:
        self._place, self._dice, self._ledger, self._calls = place, dice, ledger, calls
        self._next_seed = _TWIN_SEED + 1
        self._known: Sequence[Run] = ()

    def first(self) -> None:
        """Several at once on a root that is not there yet; one of them is the run that is compared at the end."""
        words = ("run", "cae", "--dataset", "digits", "--threads", "1", *settings(8))
        twin = (*words, "--epochs", str(_TWIN_EPOCHS), "--seed", str(_TWIN_SEED), "--name", TWIN)
        self._begin_run(_TWIN_SEED, twin, "--detach")
        for _ in range(2):
            self._new_run("--queue-only")

    def next(self, known: Sequence[Run]) -> None:
        """Begin something, unless enough is under way."""
        self._known = known
        following = sum(call.follows for call in self._calls.running)
        if len(self._calls.running) - following >= _MAX_AT_ONCE:
            return
        asks: list[tuple[int, Callable[[], object]]] = [(8, self._control), (4, self._look), (1, self._export)]
        if sum(run.state is RunState.WAITING and not run.deleted for run in known) < _MAX_WAITING:
            asks += [(6, self._detached), (1, lambda: self._search("--detach")), (1, self._doomed)]
            if following < _NUM_FOLLOWING:
                asks += [(2, self._followed), (1, self._search), (3, self.cook)]
        weights, choices = zip(*asks, strict=True)
        self._dice.choices(choices, weights)[0]()

    def cook(self) -> Call | None:
        """Run the recipe, or go on with it, unless that is under way."""
        if any(call.words[0] == "recipe" for call in self._calls.running):
            return None
        return self._calls.begin(
            *("recipe", str(self._place.recipe), "--json"),
            accepted=(0, _FAILED, REFUSED, _INTERRUPTED),  # its own run can fail: its workers are killed, too
            follows=True,
        )

    def search(self) -> Call:
        """Begin the search, or go on with it, and return."""
        return self._search("--detach")

    def _detached(self) -> None:
        self._new_run(self._dice.choice(("--detach", "--detach", "--queue-only")))

    def _followed(self) -> None:
        self._new_run()

    def _doomed(self) -> None:
        what, (kind, wild, _) = self._dice.choice(list(doomed.KINDS.items()))
        seed = self._next_seed
        self._next_seed += 1
        words = ("run", kind, "--dataset", "digits", "--threads", "1", *settings(4), *wild)
        words += ("--epochs", "2", "--seed", str(seed), "--name", f"{doomed.PREFIX}{what}")
        self._begin_run(seed, words, "--detach")

    def _new_run(self, *how: str) -> None:
        dice, seed = self._dice, self._next_seed
        self._next_seed += 1
        kind, width, epochs = dice.choice(("cae", "cae", "vae", "dae")), dice.choice((4, 8, 16)), dice.randint(2, 6)
        name = f"{dice.choice(_EXPERIMENTS)}-{kind}"  # an experiment is of one kind
        words = ("run", kind, "--dataset", "digits", "--threads", "1", *settings(width))
        self._begin_run(seed, (*words, "--epochs", str(epochs), "--seed", str(seed), "--name", name), *how)

    def _begin_run(self, seed: int, words: tuple[str, ...], *how: str) -> None:
        self._ledger.seeds[seed] = words
        self._calls.begin(
            *(*words, *how, "--json"),
            accepted=(0,) if how else (0, _FAILED, _INTERRUPTED),
            answered=lambda run: self._ledger.acknowledge(run["run"], words),
            follows=not how,
        )

    def _search(self, *how: str) -> Call:
        base = ("search", "cae", "--name", SEARCH, "--dataset", "digits", "--threads", "1", "--epochs", "3")
        words = (*base, "--trials", str(_SEARCH_TRIALS), "--space", str(self._place.space), *settings(4))
        return self._calls.begin(
            *(*words, *how, "--json"), accepted=(0, _FAILED, REFUSED, _INTERRUPTED), follows="--detach" not in how
        )

    def _control(self) -> None:
        """Ask something of a run that everybody may touch; now and then two processes at once ask."""
        runs = [run for run in self._known if not run.name.experiment.startswith(f"{RECIPE}-")]
        if not runs:
            return
        unfinished = [run for run in runs if not run.state.is_finished]
        run = self._dice.choice(unfinished if unfinished and self._dice.random() < 0.7 else runs)
        for _ in range(2 if self._dice.random() < 0.3 else 1):
            verb = self._dice.choices(list(_CONTROL), list(_CONTROL.values()))[0]
            if run.name.experiment != TWIN or verb in ("pause", "resume", "tag", "queue"):
                self._ask(verb, str(run.name))

    def _ask(self, verb: str, run: str) -> None:
        words: tuple[str, ...] = (verb, run)
        answered = None
        match verb:
            case "pause":
                self._ledger.may_be_held.add(run)
            case "rm":
                self._ledger.may_be_removed.add(run)
                words += ("--yes",)
            case "tag":
                words += ("--add", f"t{self._dice.randrange(5)}", "--note", f"note {self._dice.randrange(100)}")
            case "queue":
                words += ("--to", self._dice.choice(("first", "last", "up", "down")))
            case "resume":
                answered = self._resumed
        self._calls.begin(*words, "--json", answered=answered)

    def _resumed(self, runs: Any) -> None:
        for run in runs:
            self._ledger.acknowledge(run["run"], ("resume",))

    def _look(self) -> None:
        names = [str(run.name) for run in self._known]
        looks = [("ls",), ("workers",), ("queue",), ("ls", self._dice.choice([*_EXPERIMENTS, TWIN, SEARCH]))]
        if names:
            some = self._dice.choices(names, k=2)
            looks += [("ls", self._dice.choice(self._known).name.experiment)] * 3
            looks += [("show", some[0]), ("logs", some[0]), ("compare", *some)]
        words = self._dice.choice(looks)
        answered = self._ledger.see_told if words[0] == "ls" and len(words) == 2 else None
        self._calls.begin(*words, "--json", answered=answered)

    def export(self) -> Call:
        """Of the run that nobody touches: what lies in the folder afterwards is whole, whatever was killed before."""
        what = (TWIN, "--out", str(self._place.exported), "--format", "png", "--data", "csv,json", "--json")
        return self._calls.begin("export", *what, accepted=(0,))

    def _export(self) -> None:
        if not self._known or any(call.words[0] == "export" for call in self._calls.running):
            return
        experiment = self._dice.choice(self._known).name.experiment
        what = self._dice.choice((("--data", "csv,json"), ("--data", "csv,json"), ("--format", "png")))
        # What it draws may be removed meanwhile.
        self._calls.begin(*("export", experiment, "--out", str(self._place.exported), *what, "--json"))
