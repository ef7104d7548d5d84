"""What the decoder is asked about a scene of the latent pane. Pure functions."""

from dataclasses import replace

import numpy as np

from tui.panes.decoding import Question
from tui.panes.latent.frames import Frame
from tui.panes.latent.lines import grid_size
from tui.panes.latent.scene import Scene


def question(scene: Scene) -> Question | None:
    """A grid over what is seen, or the sample and the place at the cursor; None: there is nothing to ask."""
    view, run, frame = scene.view, scene.clouds.first.name, scene.frame
    if run is None or frame is None or not (view.shows_grid or view.cursor):
        return None
    asked = Question(run=run, epoch=frame.epoch, between=view.ends if len(view.ends) == 2 else ())
    if view.shows_grid and frame.plane is not None:
        return replace(asked, codes=_as_tuples(frame.plane.codes_at(_grid_places(scene, frame))))
    asked = replace(asked, sample=scene.sample)
    if frame.plane is None:
        return asked
    return replace(asked, codes=_as_tuples(frame.plane.codes_at(np.array([view.cursor]))))


def _grid_places(scene: Scene, frame: Frame) -> np.ndarray:
    """[N, 2], row by row from the top."""
    window = scene.window(scene.clouds.first, frame)
    across, down = grid_size(*scene.cloud_size)
    return np.array([window.point_of(row, column, across, down) for row in range(down) for column in range(across)])


def _as_tuples(codes: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), 4) for value in code) for code in codes)
