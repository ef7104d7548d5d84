"""What this installation has: the screen's keys, the machine, the storage, the data sets."""

from typing import Annotated

import typer

from store.address import TARGET_VARIABLE
from tui.commands.command_line import everywhere
from tui.commands.options import Options

app = typer.Typer()


@app.command()
@everywhere
def keys(
    options: Options,
    toml: Annotated[bool, typer.Option("--toml", help="As a keymap of your own, ready to be changed.")] = False,
) -> int | None:
    """List what the screen can do and the keys for it; ~/.config/aetui/keymap.toml gives other ones."""
    from tui.commands.keys import list_keys

    return list_keys(options, as_toml=toml)


@app.command()
@everywhere
def doctor(
    options: Options,
    upgrade_storage: Annotated[
        bool, typer.Option("--upgrade-storage", help="Copy a database of an older Optuna, then bring it up to date.")
    ] = False,
    recover_storage: Annotated[
        bool, typer.Option("--recover-storage", help="Set a damaged database aside, and save what can be read of it.")
    ] = False,
    systemd_unit: Annotated[
        bool, typer.Option("--systemd-unit", help="Print a unit of systemd's that starts workers after a boot.")
    ] = False,
) -> int | None:
    """Say what this machine has, and what to do about what is missing."""
    if systemd_unit:
        from tui.commands.unit import print_unit

        return print_unit(options, is_alone=not (upgrade_storage or recover_storage))
    from tui.commands.doctor import doctor

    return doctor(options, wants_upgrade=upgrade_storage, wants_recovery=recover_storage)


@app.command()
@everywhere
def bench(
    options: Options,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and shorter rounds.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of the weights and the order of the images.")] = 0,
) -> int | None:
    """Measure how fast this machine trains, beside a plain PyTorch loop and other trainers."""
    from tui.commands.bench import bench

    return bench(options, quick=quick, device=device, seed=seed)


@app.command()
@everywhere
def migrate(
    options: Options,
    to: Annotated[
        str,
        typer.Option(
            metavar="URL|DIR",
            envvar=TARGET_VARIABLE,
            show_envvar=False,
            help="An address, @FILE that holds one, or the folder of another root.",
            show_default=False,
        ),
    ],
) -> int | None:
    """Copy the storage to an empty one, complete and verified, or not at all; no worker may be alive.

    A URL is another database (sqlite:///FILE, postgresql+psycopg://...): the runs' folders stay where they are.

    A DIR is another root: the runs' folders are copied too, except those that an earlier try has finished.
    """
    from tui.commands.migrate import migrate

    return migrate(options, to)


data = typer.Typer(invoke_without_command=True, no_args_is_help=False, help="List the data sets, or fetch one.")
app.add_typer(data, name="data")


@data.callback()
@everywhere
def data_alone(options: Options, context: typer.Context) -> int | None:
    if context.invoked_subcommand is not None:
        return None
    from tui.commands.data import list_datasets

    return list_datasets(options)


@data.command("ls")
@everywhere
def data_ls(options: Options) -> int | None:
    """List the data sets: which are here, how many images, where they lie."""
    from tui.commands.data import list_datasets

    return list_datasets(options)


@data.command("get")
@everywhere
def data_get(
    options: Options, name: Annotated[str, typer.Argument(metavar="NAME", help="As `aetui data ls` names it.")]
) -> int | None:
    """Fetch a data set."""
    from tui.commands.data import get_dataset

    return get_dataset(options, name)
