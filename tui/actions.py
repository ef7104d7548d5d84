"""What the screen asks of the store and the engine. Called in a thread of its own; each returns what to say.

Imports are inside: the engine's jobs and SQLAlchemy cost 0.3 s, and the first paint does not wait for them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import RequestError
from store.names import RunName
from store.records import Run
from tui.bindings import key_of
from tui.helpers.background import Tell
from tui.messages import Done

if TYPE_CHECKING:
    from engine.recipes.asked import AskedRecipe
    from store.database import Database
    from store.waiting import Place
    from tui.requests.launching import Launch
    from tui.requests.measuring import Evaluation, LatentStudy
    from tui.requests.searching import Wanted

Action = Callable[["Database"], Done]


def launch(wanted: "Launch", data_dir: Path | None) -> Action:
    def act(database: "Database") -> Done:
        from engine import jobs
        from tui.requests.launching import fitted

        name = jobs.enqueue(database, fitted(database, wanted), wanted.experiment, data_dir=data_dir)
        jobs.ensure_workers(database)
        return Done(f"{name} is queued.", started=name)

    return act


def search(wanted: "Wanted", data_dir: Path | None) -> Action:
    def act(database: "Database") -> Done:
        from engine import jobs
        from tui.requests import searching

        searching.start(database, wanted, data_dir)
        jobs.ensure_workers(database)
        return Done(f"{wanted.experiment} is searched until {wanted.num_trials} runs are complete.")

    return act


def cross_validate(experiment: str, top: int, folds: int) -> Action:
    def act(database: "Database") -> Done:
        from engine import crossval, jobs
        from store import listing

        target = crossval.target_experiment(experiment)
        before = {run.name for run in listing.runs(database, target)}
        names = crossval.queue_missing(database, experiment, top=top, folds=folds)
        jobs.ensure_workers(database)
        new = [name for name in names if name not in before]
        sentence = f"{target}: {len(new)} runs queued, {len(names) - len(new)} were there."
        return Done(sentence, started=(new or names)[0])

    return act


def drive(asked: "AskedRecipe", num_workers: int | None, data_dir: Path | None) -> Action:
    def act(database: "Database") -> Done:
        from engine.recipes import driving

        name = driving.drive(database, asked, data_dir=data_dir, slots=num_workers)
        return Done(f"{name} goes on in the background; {key_of('recipes.show')} shows its steps.")

    return act


def measure(run: Run, wanted: "Evaluation | LatentStudy", data_dir: Path | None, tell: Tell) -> Action:
    """Let a helper process answer, which takes seconds to minutes: ``tell`` is told when it begins."""

    def act(database: "Database") -> Done:
        from tui.helpers.process import answer_of
        from tui.requests.measuring import told

        arguments = wanted.arguments(run, wanted.check(database, run))
        tell(Done(f"{wanted.says(run)}."))
        return Done(f"{run.name}: {told(answer_of(database, wanted.module, arguments, data_dir, outlives_us=True))}.")

    return act


def move_in_queue(names: Sequence[RunName], place: "Place") -> Action:
    def act(database: "Database") -> Done:
        from store.waiting import move

        move(database, names, place)
        return Done("")

    return act


def choose_slots(device: str, slots: int, *, starts_workers: bool) -> Action:
    def act(database: "Database") -> Done:
        from engine import jobs
        from engine.slots import choose_slots as choose

        choose(database.root, device, slots)
        if starts_workers:
            jobs.ensure_workers(database)
        return Done("")

    return act


def start_workers() -> Action:
    def act(database: "Database") -> Done:
        from engine import jobs

        jobs.ensure_workers(database)
        return Done("Workers are being started.")

    return act


def stop(names: Sequence[RunName]) -> Action:
    def act(database: "Database") -> Done:
        from store import control

        _each(lambda name: control.stop(database, name), names)
        return Done(f"{_named(names)}: asked to stop; the epoch is finished and the checkpoint kept.")

    return act


def kill(names: Sequence[RunName]) -> Action:
    def act(database: "Database") -> Done:
        from engine import jobs

        _each(lambda name: jobs.kill(database, name), names)
        return Done(f"{_named(names)}: killed; the last finished epoch's checkpoint is kept.")

    return act


def pause(names: Sequence[RunName]) -> Action:
    def act(database: "Database") -> Done:
        from store import control

        _each(lambda name: control.pause(database, name), names)
        return Done(f"{_named(names)}: asked to pause; {key_of('run.resume')} goes on.")

    return act


def resume(names: Sequence[RunName]) -> Action:
    def act(database: "Database") -> Done:
        from engine import jobs

        started: list[RunName] = []
        _each(lambda name: started.append(jobs.resume(database, name)), names)
        jobs.ensure_workers(database)
        new = [name for name in started if name not in names]
        if new:
            return Done(f"{_named(new)} goes on from the checkpoint of {_named(names)}.", started=new[-1])
        return Done(f"{_named(names)} goes on.")

    return act


def delete(names: Sequence[RunName]) -> Action:
    def act(database: "Database") -> Done:
        from store import control

        removed: list[RunName] = []
        undoes = f"{key_of('run.undo')} undoes"

        def remove(name: RunName) -> None:
            control.remove(database, name)
            removed.append(name)

        try:
            _each(remove, names)
        except RequestError as error:
            if not removed:
                raise
            return Done(f"{_named(removed)} deleted ({undoes}), but: {error}", removed=tuple(removed))
        return Done(f"{_named(names)} deleted; {undoes}.", removed=tuple(removed))

    return act


def lock(names: Sequence[RunName], is_locking: bool) -> Action:
    def act(database: "Database") -> Done:
        from store import control

        _each(lambda name: control.set_lock(database, name, is_locking), names)
        return Done(f"{_named(names)}: {'locked against deletion' if is_locking else 'unlocked'}.")

    return act


def annotate(
    names: Sequence[RunName], *, add: Sequence[str] = (), remove: Sequence[str] = (), note: str | None = None
) -> Action:
    def act(database: "Database") -> Done:
        from store import control

        control.annotate(database, names, add=add, remove=remove, note=note)
        done = [f"tagged {', '.join(add)}"] if add else []
        done += [f"{', '.join(remove)} taken off"] if remove else []
        done += ["the note is written" if note else "no note"] if note is not None else []
        return Done(f"{_named(names)}: {'; '.join(done)}.")

    return act


def restore(names: Sequence[RunName]) -> Action:
    def act(database: "Database") -> Done:
        from store import control

        _each(lambda name: control.restore(database, name), names)
        return Done(f"{_named(names)} restored.", started=names[-1])

    return act


def _each(act: Callable[[RunName], object], names: Sequence[RunName]) -> None:
    """All of them, also behind one that is refused; then the first refusal is raised."""
    refusal: RequestError | None = None
    for name in names:
        try:
            act(name)
        except RequestError as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal


def _named(names: Sequence[RunName]) -> str:
    return str(names[0]) if len(names) == 1 else f"{len(names)} runs"
