"""Figures that are added to a run after it has ended (``aetui evaluate``, ``aetui latent``)."""

from collections.abc import Mapping

from store import control, trial_rows
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import RunState


def add_test(database: Database, name: RunName, figures: Mapping[str, float]) -> None:
    """Merge ``figures`` into the run's test figures.

    Raises:
        RequestError: the run is absent, or not complete.
    """
    found = control.present(database, name)
    if found.state is not RunState.COMPLETE:
        raise RequestError(f"{name} is {found.state}: only a complete run has test figures.")
    with database.write() as connection:
        trial_rows.add_test(connection, found.trial_id, figures)


def add_latent(database: Database, name: RunName, figures: Mapping[str, float]) -> None:
    """Keep how good the run's codes are, as user attributes ``latent_...`` of its trial: tables sort by them.

    Raises:
        RequestError: the run is absent or deleted.
    """
    found = control.present(database, name)
    with database.write() as connection:
        attributes = {f"latent_{key}": figure for key, figure in figures.items()}
        trial_rows.set_user_attrs(connection, found.trial_id, attributes)
