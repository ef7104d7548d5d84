"""Works out for a screen what it must not work out itself: Optuna, merely by being imported, holds up whoever draws.

``python -P -m engine.answers --root DIR`` reads a question a line and writes an answer a line, JSON both, and ends when
its input does. ``{"importance": EXPERIMENT}`` is answered by ``{"shares": {SETTING: PART}}``, ``{"table": ASKED}`` (as
``engine.recipes.asked.AskedRecipe.as_json`` writes it) by ``{"rows": [...]}``; ``{"says": SENTENCE}`` tells why not.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engine import search
from engine.recipes import table
from engine.recipes.asked import AskedRecipe
from store.database import Database, open_inherited
from store.errors import RequestError
from store.paths import Root


def answer(database: Database, question: dict[str, Any]) -> dict[str, Any]:
    """Raises RequestError: it cannot be answered, and why."""
    if "importance" in question:
        return {"shares": search.importance(database, str(question["importance"]))}
    recipe = AskedRecipe.from_json(question["table"]).recipe()
    return {"rows": [_as_shown(row) for row in table.rows(database, recipe)]}


def _as_shown(row: table.Row) -> dict[str, Any]:
    """The row with its numbers also as the table writes them."""
    numbers = {"reference": row.reference, "ours": row.ours, "spread": row.spread}
    return {**row.as_json(), "shown": {key: table.number(value, row.unit) for key, value in numbers.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="engine.answers")
    parser.add_argument("--root", type=Path, required=True)
    database = open_inherited(Root(parser.parse_args().root))
    for line in sys.stdin:
        try:
            answered = answer(database, json.loads(line))
        except RequestError as error:
            answered = {"says": str(error)}
        except Exception as error:  # a storage that hiccups: the next question may be answered
            answered = {"says": f"That cannot be worked out just now: {error}"}
        print(json.dumps(answered), flush=True)
    database.close()


if __name__ == "__main__":
    main()
