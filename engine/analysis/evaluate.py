"""Helper process: a run's test figures, printed as one JSON object and added to its record.

``python -P -m engine.analysis.evaluate --root DIR RUN [--noise KIND:FACTOR,...]... [--draws N] [--iwae K]``. What it
prints is described at ``engine.analysis.evaluation.evaluate``; all plain numbers of it go into the run's test figures,
what is by class or by unit into its results.json.
Where the run makes images, some of them under the noises go into its folder (see ``engine.analysis.noisy``). Exit
status 2: the request was wrong.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from engine.analysis import process
from engine.analysis.arrays import save_aside
from engine.noise import Noise
from engine.worker import prepare_environment
from store import listing, results
from store.artifacts import replaced
from store.database import Database
from store.errors import RequestError
from store.json_file import read_object
from store.names import RunName
from store.paths import RunPaths
from store.records import RunState
from store.sharing.upload import upload


def main(arguments: Sequence[str] | None = None) -> int:
    parser = process.parser("engine.analysis.evaluate", __doc__)
    parser.add_argument("--noise", action="append", default=[], metavar="KIND:FACTOR[,FACTOR...]")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--iwae", type=int, default=0, metavar="K")
    options = parser.parse_args(arguments)

    def find(database: Database, name: RunName) -> Mapping[str, Any]:
        noises = [noise for text in options.noise for noise in Noise.parse(text)]
        if options.draws < 1 or options.iwae < 0:
            raise RequestError(f"draws={options.draws} and iwae={options.iwae} must be at least 1 and 0.")
        if (state := listing.run(database, name).state) is not RunState.COMPLETE:
            raise RequestError(f"{name} is {state}: only a complete run has test figures.")
        prepare_environment()
        from engine.analysis.evaluation import evaluate  # torch, 2.6 s: wrong requests need not wait for it
        from engine.analysis.loaded import load_run
        from engine.analysis.noisy import under_noise
        from engine.models.base import Autoencoder

        run = load_run(database, name, options.device)
        test = run.splits.test.to(run.device)
        found = evaluate(run.model, test, noises=noises, draws=options.draws, iwae=options.iwae)
        if noises and isinstance(run.model, Autoencoder):
            save_aside(database.root.run(name).noisy, **under_noise(run.model, test, noises))
        results.add_test(
            database, name, {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
        )
        _keep_tables(database.root.run(name), found)
        upload(database, listing.run(database, name))
        return found

    return process.answer(options, find)


def _keep_tables(paths: RunPaths, found: Mapping[str, Any]) -> None:
    """Beside what the run's training left, put what is no single number. Nobody else writes for a complete run."""
    tables = {key: value for key, value in found.items() if not isinstance(value, int | float) and key != "spread"}
    kept = read_object(paths.results)
    with replaced(paths.results, 0, lambda: None) as aside:
        aside.write_text(json.dumps({**kept, **tables}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
