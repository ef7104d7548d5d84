"""The order in which files of tests are begun: the longest first, so that none of them is still on after all others."""

import pytest

LONGEST = (
    "workers/test_faults.py",
    "workers/test_search.py",
    "engine/test_export.py",
    "workers/test_boxes.py",
    "cli/test_cli_run.py",
    "tui/test_screen.py",
    "recipes/test_runner.py",
    "tui/test_snapshots.py",
    "workers/test_ray.py",
    "engine/test_training.py",
    "tui/test_search_pane.py",
    "tui/test_forms.py",
    "engine/test_export_model.py",
    "cli/test_cli_search.py",
    "faults/test_memory.py",
    "tui/test_journey.py",
    "cli/test_cli_recipe.py",
    "cli/test_cli_crossval.py",
    "faults/test_full_disk.py",
    "cli/test_cli_look.py",
    "cli/test_cli_requests.py",
    "workers/test_notified.py",
    "cli/test_cli_export.py",
    "recipes/test_driving.py",
    "cli/test_cli_demo.py",
    "cli/test_cli_evaluate.py",
    "cli/test_cli_control.py",
    "cli/test_cli_latent.py",
    "cli/test_cli_start.py",
)
"""What takes a minute or more of a core; all others follow as they are collected."""


def pytest_configure(config: pytest.Config) -> None:
    # xdist would begin with the files of most tests, and leave to the end what is long and few.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get("/".join(item.path.parts[-2:]), len(places)))
