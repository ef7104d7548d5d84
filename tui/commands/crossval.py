"""``aetui crossval``: the best configurations of an experiment, once a fold and once on a hold-out, side by side."""

import engine.jobs
from engine import crossval
from store import listing
from tui.commands.caution import warn
from tui.commands.errors import DONE
from tui.commands.follow import follow
from tui.commands.options import Options
from tui.commands.output import note, print_json, print_table, say
from tui.commands.run import exit_status, tell_trouble
from tui.look import number_text


def cross_validate(options: Options, experiment: str, *, top: int, folds: int, detach: bool) -> int:
    database = options.open_database()
    warn(database)
    before = {run.name for run in listing.runs(database, crossval.target_experiment(experiment))}
    names = crossval.queue_missing(database, experiment, top=top, folds=folds)
    target = crossval.target_experiment(experiment)
    num_new = len(set(names) - before)
    note(f"{target}: {num_new} runs queued, {len(names) - num_new} were there.")
    engine.jobs.ensure_workers(database)
    was_interrupted = False
    if not detach:
        left = [name for name in names if not listing.run(database, name).state.is_finished]
        _, was_interrupted = follow(database, left) if left else ([], False)
    runs = [listing.run(database, name) for name in names]
    summaries = crossval.summaries(database, experiment, top=top, folds=folds)
    if options.json:
        print_json(
            {
                "experiment": target,
                "of": experiment,
                "folds": folds,
                "configurations": [summary.as_json() for summary in summaries],
            }
        )
    elif detach:
        say(f"{target} is queued; `aetui crossval {experiment}` follows it and tells what comes out.")
    else:
        _print_summaries(summaries)
    if detach:
        return DONE
    for run in runs:
        tell_trouble(run)
    return exit_status(runs, was_interrupted)


def _print_summaries(summaries: list[crossval.Summary]) -> None:
    folds = [f"fold {fold}" for fold in range(len(summaries[0].folds))]
    figures = ("value", *folds, "mean", "std", "hold-out", "difference")
    print_table(
        ("configuration of", *figures),
        [
            (
                str(summary.origin.name),
                *map(number_text, (summary.origin.value, *summary.values)),
                number_text(summary.mean),
                number_text(summary.std),
                number_text(summary.holdout_value),
                "-" if summary.difference_percent is None else f"{summary.difference_percent:+.2f} %",
            )
            for summary in summaries
        ],
        right=figures,
    )
