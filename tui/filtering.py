"""Which rows the filter lets through: all words must be there, in any order."""

from store.records import Experiment, Run


def matches(text: str, words: str) -> bool:
    text = text.lower()
    return all(word in text for word in words.lower().split())


def words_of_experiment(experiment: Experiment) -> str:
    return f"{experiment.experiment} {experiment.kind} {experiment.dataset}"


def words_of_run(run: Run) -> str:
    """What the filter looks in."""
    settings = " ".join(f"{key}={value}" for key, value in run.params.items())
    notes = " ".join(f"{key}={value}" for key, value in run.user_attrs.items())
    return f"{run.name} {run.state} {run.kind} {run.dataset} {settings} {notes} {run.reason or ''}"
