"""The command line: what each command is called and takes. What it does stands in ``tui.commands``, imported late.

``aetui --help`` answers at once because nothing here, nor what is imported here, is heavy.
"""

from pathlib import Path
from typing import Annotated

import typer

from tui.commands.command_line import CommandLine, everywhere
from tui.commands.declared import control, installation, workers
from tui.commands.options import Options

app = typer.Typer(
    cls=CommandLine,
    help="Train, follow and compare autoencoders from a terminal. Alone it opens the screen.",
    invoke_without_command=True,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="EXPERIMENT/NUMBER", show_default=False)]


@app.callback()
@everywhere
def screen(
    options: Options,
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which versions these are.")] = False,
) -> int | None:
    if version:
        from tui.commands.version import show_version

        return show_version(options)
    if context.invoked_subcommand is not None:
        return None
    from tui.commands.screen import open_screen

    return open_screen(options)


@app.command()
@everywhere
def demo(options: Options) -> int | None:
    """Train two small autoencoders on real digits and show them, on the screen or else as text."""
    from tui.commands.demo import demo

    return demo(options)


@app.command()
@everywhere
def run(
    options: Options,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="cae, dae, vae, classifier or one of your own", show_default=False)
    ],
    dataset: Annotated[str | None, typer.Option(help="A name of `aetui data`, a .npz file or an image folder.")] = None,
    name: Annotated[str | None, typer.Option(help="The experiment that the run is added to [KIND-DATASET].")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; repeatable.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs to train.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same numbers.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads on the CPU; they belong to the run's numbers.")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="RUN", help="Start from that run's weights.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Queue it, make sure of workers, and return.")] = False,
    queue_only: Annotated[bool, typer.Option("--queue-only", help="Queue it and start nothing.")] = False,
) -> int | None:
    """Train once, followed from here; the first Ctrl-C stops after the epoch, the second kills."""
    from tui.commands.run import Wanted, run

    wanted = Wanted(
        kind=kind,
        dataset=dataset,
        experiment=name,
        settings=tuple(set_ or ()),
        epochs=epochs,
        seed=seed,
        device=device,
        threads=threads,
        start_from=from_,
    )
    return run(options, wanted, detach=detach, queue_only=queue_only)


@app.command()
@everywhere
def search(
    options: Options,
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="cae, dae, vae or one of your own [cae]", show_default=False)
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="A name of `aetui data`, a .npz file or an image folder.")] = None,
    name: Annotated[
        str | None, typer.Option(help="The experiment; one that was searched before goes on [KIND-DATASET-search].")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of every run; repeatable.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of every run.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and one worker draw the same search.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads on the CPU; they belong to the runs' numbers.")] = None,
    trials: Annotated[int | None, typer.Option(help="Complete runs to end at; pruned ones do not count [40].")] = None,
    space: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="What is varied [the reference study's space].")
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(metavar="N|FILE.toml", help="Configurations tried first: so many of ours [12], or your own."),
    ] = None,
    sampler: Annotated[str | None, typer.Option(help="tpe, random, qmc, gp or cmaes [tpe].")] = None,
    pruner: Annotated[
        str | None, typer.Option(help="percentile, median, hyperband, halving or none [percentile].")
    ] = None,
    at_least: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=N", help="Complete runs of each choice of a setting, as optimizer=8; repeatable."),
    ] = None,
    importance: Annotated[str, typer.Option(help="How importance is told: pedanova or fanova.")] = "pedanova",
    workers: Annotated[int | None, typer.Option(help="Workers at once [one a device].", min=1, max=1024)] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Begin it, make sure of workers, and return.")] = False,
) -> int | None:
    """Search for the best settings, or go on with a search; Ctrl-C pauses it and its runs."""
    from tui.commands.run import Wanted
    from tui.commands.search import WantedSearch, search

    base = Wanted(
        kind=kind or "",
        dataset=dataset,
        experiment=name,
        settings=tuple(set_ or ()),
        epochs=epochs,
        seed=seed,
        device=device,
        threads=threads,
    )
    wanted = WantedSearch(
        base=base,
        num_trials=trials,
        space=space,
        first=first,
        sampler=sampler,
        pruner=pruner,
        at_least=tuple(at_least or ()),
    )
    return search(options, wanted, importance=importance, slots=workers, detach=detach)


@app.command()
@everywhere
def crossval(
    options: Options,
    experiment: Annotated[str, typer.Argument(metavar="EXP", help="An experiment.", show_default=False)],
    top: Annotated[int, typer.Option(help="The best so many configurations.", min=1)] = 5,
    folds: Annotated[int, typer.Option(help="Parts that the images are divided into.", min=2)] = 5,
    detach: Annotated[bool, typer.Option("--detach", help="Queue it, make sure of workers, and return.")] = False,
) -> int | None:
    """Train the best configurations once a fold and once on a hold-out, into EXP-crossval; again: what is missing."""
    from tui.commands.crossval import cross_validate

    return cross_validate(options, experiment, top=top, folds=folds, detach=detach)


@app.command()
@everywhere
def evaluate(
    options: Options,
    run: RunArgument,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:FACTORS", help="gaussian, saltpepper, masking or speckle, as gaussian:0.1,0.2; repeatable."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of each noise.", min=1, max=10_000)] = 5,
    iwae: Annotated[
        int, typer.Option(help="Samples an image for the importance-weighted likelihood of a vae; 0: not.", min=0)
    ] = 0,
    pictures: Annotated[bool, typer.Option("--pictures", help="Show test images under each noise.")] = False,
) -> int | None:
    """Measure a complete run on the test images, clean and with noise."""
    from tui.commands.evaluate import evaluate

    return evaluate(options, run, noise=noise or (), draws=draws, iwae=iwae, has_pictures=pictures)


@app.command()
@everywhere
def latent(
    options: Options,
    run: RunArgument,
    method: Annotated[str, typer.Option(help="pca, tsne or raw.")] = "pca",
    split: Annotated[str, typer.Option(help="validation, test or train.")] = "validation",
    limit: Annotated[int, typer.Option(help="Images at most; 0: all.", min=0)] = 2000,
    between: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="I J", help="Decode the line between these images of the split [two of two classes]."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Where codes and points go [the run's folder].")
    ] = None,
) -> int | None:
    """Project a run's codes into the plane, say how well the classes separate, and keep both in a file."""
    from tui.commands.latent import latent
    from tui.requests.measuring import LatentStudy

    return latent(options, run, LatentStudy(method=method, split=split, limit=limit, between=between, out=out))


@app.command()
@everywhere
def recipe(
    options: Options,
    source: Annotated[
        str, typer.Argument(metavar="RECIPE", help="paper (the reference study), or a TOML file.", show_default=False)
    ],
    preset: Annotated[str | None, typer.Option(help="quick or full, of paper [quick].")] = None,
    seeds: Annotated[int | None, typer.Option(help="Repeat the finals with so many seeds.", min=1)] = None,
    dataset: Annotated[str | None, typer.Option(help="A name of `aetui data`, a .npz file or an image folder.")] = None,
    name: Annotated[str | None, typer.Option(help="What its experiments' names begin with.")] = None,
    seed: Annotated[int | None, typer.Option(help="The first seed.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads on the CPU; they belong to the runs' numbers.")] = None,
    workers: Annotated[int | None, typer.Option(help="Workers at once [2].", min=1, max=1024)] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Let it go on in the background, and return.")] = False,
) -> int | None:
    """Run a whole study step by step and print its table; again: go on where it stopped."""
    from engine.recipes.asked import AskedRecipe
    from tui.commands.recipe import run_recipe

    asked = AskedRecipe(
        source=source,
        name=name,
        preset=preset,
        dataset=dataset,
        num_seeds=seeds,
        seed=seed,
        device=device,
        threads=threads,
    )
    return run_recipe(options, asked, slots=workers, detach=detach)


@app.command()
@everywhere
def queue(
    options: Options,
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN...]", help="Runs to be moved.", show_default=False)
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="PLACE", help="first, last, or one place up or down.", show_default=False)
    ] = None,
) -> int | None:
    """List what waits, in the order in which workers take it; with runs and --to, move them first."""
    from tui.commands.queue import place_of, show_queue

    return show_queue(options, runs or [], place_of(runs or [], to))


@app.command()
@everywhere
def notify(options: Options) -> int | None:
    """Tell something now by the command and the webhook of notify.toml, to see whether it arrives."""
    from tui.commands.notify import try_notify

    return try_notify(options)


@app.command()
@everywhere
def ls(
    options: Options,
    experiment: Annotated[
        str | None, typer.Argument(metavar="[EXP]", help="An experiment.", show_default=False)
    ] = None,
) -> int | None:
    """List the experiments, or the runs of one."""
    from tui.commands.look import list_experiments, list_runs

    return list_experiments(options) if experiment is None else list_runs(options, experiment)


@app.command()
@everywhere
def show(options: Options, run: RunArgument) -> int | None:
    """Show a run: its settings and figures, its loss curve, its latent space."""
    from tui.commands.look import show_run

    return show_run(options, run)


@app.command()
@everywhere
def compare(
    options: Options,
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="EXPERIMENT/NUMBER", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A figure of the curves: .png, .pdf or .svg; the numbers beside it as .csv."),
    ] = None,
) -> int | None:
    """Compare runs: what differs in settings and results, and their curves over each other."""
    from tui.commands.compare import compare_runs

    return compare_runs(options, runs, out)


@app.command()
@everywhere
def export(
    options: Options,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Experiments, runs or recipes [all].", show_default=False),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where it goes [ROOT/figures].")] = None,
    format: Annotated[str | None, typer.Option(metavar="FORMATS", help="Of figures: png,pdf,svg [png].")] = None,
    width: Annotated[int, typer.Option(help="Columns of a journal's page: 1 or 2.")] = 2,
    dpi: Annotated[int, typer.Option(help="Dots an inch of png.")] = 200,
    style: Annotated[str, typer.Option(help="light or dark.")] = "light",
    data: Annotated[
        str | None, typer.Option(metavar="FORMATS", help="Runs, curves and codes as csv,json,parquet.")
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Event files of the runs, which TensorBoard opens.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Encoder and decoder of a run: torch.export and ONNX.")
    ] = None,
) -> int | None:
    """Write figures and tables for a paper, with the numbers behind them; data and models where asked for.

    With --data, --tensorboard or --model, figures are drawn only where --format asks for them.
    """
    from tui.commands.export import export
    from tui.requests.exporting import Export, listed

    is_other = any(each is not None for each in (data, tensorboard, model))
    wanted = Export(
        names=names or (),
        out=out or options.find_root().figures,
        formats=listed(format) if format is not None else () if is_other else ("png",),
        data=listed(data),
        tensorboard=tensorboard,
        columns=width,
        dpi=dpi,
        style=style,
    )
    return export(options, wanted, model)


@app.command()
@everywhere
def logs(
    options: Options,
    run: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
) -> int | None:
    """Print a run's log."""
    from tui.commands.look import show_log

    return show_log(options, run, follow=follow)


app.add_typer(workers.app)
app.add_typer(control.app)
app.add_typer(installation.app)
