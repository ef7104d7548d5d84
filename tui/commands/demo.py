"""``aetui demo``: two small autoencoders on embedded real digits, on the screen or as text."""

import engine.jobs
from engine.catalog import DEFAULT_DATASET
from engine.slots import said_or_usual
from tui.commands.follow import follow
from tui.commands.options import Options
from tui.commands.output import note, print_json
from tui.commands.pictures import print_pictures
from tui.commands.run import Wanted, exit_status, queue_runs, tell_figures, tell_trouble
from tui.commands.screen import can_open, open_screen

_RUNS = tuple(
    Wanted(
        kind=kind,
        experiment=f"demo-{kind}",
        dataset=DEFAULT_DATASET,
        epochs=10,
        seed=0,
        threads=1,
        settings=(f"latent_dim={latent_dim}", "batch_size=64"),
    )
    for kind, latent_dim in (("cae", 6), ("vae", 2))
)


def demo(options: Options) -> int:
    database, names = queue_runs(options, _RUNS)
    engine.jobs.ensure_workers(database, said_or_usual(database.root, None, len(names)))
    if not options.json and can_open():
        return open_screen(options, focus=names[0])
    note(f"Training {' and '.join(map(str, names))} on 5,000 real digits in the background.")
    runs, was_interrupted = follow(database, names)
    if options.json:
        print_json([run.as_json() for run in runs])
    else:
        for run in runs:
            print_pictures(run, database.root.run(run.name))
        print()
        for run in runs:
            tell_figures(run)
    for run in runs:
        tell_trouble(run)
    return exit_status(runs, was_interrupted)
