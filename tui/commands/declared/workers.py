"""Workers, here and on other machines."""

from typing import Annotated

import typer

from tui.commands.command_line import everywhere
from tui.commands.options import Options

app = typer.Typer()

_ELSEWHERE = "On other machines"


@app.command()
@everywhere
def worker(
    options: Options,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    slots: Annotated[int, typer.Option(help="Workers to add.", min=1, max=1024)] = 1,
    detach: Annotated[bool, typer.Option("--detach", help="In the background.")] = False,
    on: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="local; ray: actors of a Ray cluster; slurm: a job for each. The last two want a --storage that all "
            "machines reach.",
            rich_help_panel=_ELSEWHERE,
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="The Ray cluster's HOST:PORT [RAY_ADDRESS, else that of this machine]; with slurm, local: tried here.",
            show_default=False,
            rich_help_panel=_ELSEWHERE,
        ),
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="GPUs for each worker; with ray also a share of one, such as 0.25 [0: they train on CPUs].",
            show_default=False,
            rich_help_panel=_ELSEWHERE,
        ),
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY[=VALUE]",
            help="An option of sbatch, such as partition=gpu or time=8:00:00; repeatable.",
            show_default=False,
            rich_help_panel=_ELSEWHERE,
        ),
    ] = None,
) -> int | None:
    """Add workers here or on other machines; they leave when nothing has waited for a while."""
    from tui.commands.placing import HERE, Wanted, place_workers
    from tui.commands.worker import add_workers

    wanted = Wanted(on=on, slots=slots, device=device, address=address, gpus=gpus, slurm=tuple(slurm or ()))
    if wanted.on == HERE:
        return add_workers(options, device=device, slots=slots, detach=detach)
    return place_workers(options, wanted, detach=detach)


@app.command()
@everywhere
def workers(options: Options) -> int | None:
    """List the workers that are alive, on every host."""
    from tui.commands.worker import list_workers

    return list_workers(options)
