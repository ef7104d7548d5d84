"""t-SNE pictures made for the screen: by the real process, of small epochs."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.projections import projection_path, read_projection, source_of
from store.names import RunName
from store.paths import Root
from tui.panes.latent.embedding import Embedded, Embedder, Wish

RUN = RunName("clouds", 0)
NUMBER = 60


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """One run with three epochs of three clusters."""
    root = Root(tmp_path / "runs é")
    root.run(RUN).latents.mkdir(parents=True)
    for epoch in (1, 2, 5):
        write(root, epoch, seed=epoch)
    return root


def write(root: Root, epoch: int, seed: int, number: int = NUMBER) -> None:
    labels = np.arange(number) % 3
    codes = np.eye(6)[labels] * 10 + np.random.default_rng(seed).normal(size=(number, 6))
    np.savez(root.run(RUN).latents_of(epoch), codes=codes.astype(np.float16), labels=labels, indices=np.arange(number))


class Heard(list[Embedded]):
    def wait(self, condition: Callable[[Embedded], object]) -> Embedded:
        give_up = time.monotonic() + 60
        while not (found := next((told for told in list(self) if condition(told)), None)):
            assert time.monotonic() < give_up, "this was never told"
            time.sleep(0.02)
        return found


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def embedder(root: Root, heard: Heard) -> Iterator[Embedder]:
    embedder = Embedder(root, heard.append)
    yield embedder
    embedder.close()


def test_a_picture_is_made_beside_the_codes_and_the_next_resembles_it(
    root: Root, embedder: Embedder, heard: Heard
) -> None:
    embedder.want((Wish(RUN, 1), Wish(RUN, 2)))
    made = heard.wait(lambda told: 2 in told.pictures)
    assert [told.working for told in heard if told.part == 0 and told.working] == [1, 2]
    parts = [told.part for told in heard if told.working == 1]
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert {path.name for path in root.run(RUN).latents.iterdir()} == {
        f"{epoch}{kind}.npz" for epoch, kind in ((1, ""), (2, ""), (5, ""), (1, ".tsne"), (2, ".tsne"))
    }
    first, second = made.pictures[1], made.pictures[2]
    for label in range(3):  # each cluster stays where it was
        centres = np.stack([first[np.arange(NUMBER) % 3 == each].mean(axis=0) for each in range(3)])
        moved = second[np.arange(NUMBER) % 3 == label].mean(axis=0)
        assert np.linalg.norm(centres - moved, axis=1).argmin() == label


def test_a_picture_of_other_codes_is_made_anew(root: Root, embedder: Embedder, heard: Heard) -> None:
    stale = projection_path(root.run(RUN).latents_of(5), "tsne")
    np.savez(stale, points=np.zeros((NUMBER, 2), np.float32), source=np.array("of a run before"))
    embedder.want((Wish(RUN, 5),))
    made = heard.wait(lambda told: 5 in told.pictures)
    assert np.ptp(made.pictures[5]) > 0
    assert read_projection(stale, source_of(root.run(RUN).latents_of(5))) is not None
    write(root, 5, seed=99)
    heard.clear()
    embedder.want((Wish(RUN, 5),))
    assert heard.wait(lambda told: told.working == 5).pictures == {}


def test_what_is_there_comes_before_what_must_be_made(root: Root, embedder: Embedder, heard: Heard) -> None:
    codes = root.run(RUN).latents_of(2)
    np.savez(projection_path(codes, "tsne"), points=np.ones((NUMBER, 2)), source=np.array(source_of(codes)))
    embedder.want((Wish(RUN, 5), Wish(RUN, 2)))
    heard.wait(lambda told: told.working == 5)
    assert 2 in heard[0].pictures
    assert heard[0].working is None


def test_what_is_no_longer_wished_for_is_given_up(root: Root, embedder: Embedder, heard: Heard) -> None:
    write(root, 7, seed=7, number=4000)  # many seconds
    embedder.want((Wish(RUN, 7),))
    heard.wait(lambda told: told.part > 0)
    process = embedder._process
    assert process is not None
    began_at = time.monotonic()
    embedder.want((Wish(RUN, 1),))
    heard.wait(lambda told: 1 in told.pictures)
    assert process.poll() not in (None, 0)
    assert time.monotonic() - began_at < 60
    assert not [path for path in root.run(RUN).latents.iterdir() if path.name.startswith((".", "7.tsne"))]
    assert not any(told.says for told in heard)


def test_codes_that_are_damaged_are_told_of_and_no_thread_dies(root: Root, embedder: Embedder, heard: Heard) -> None:
    root.run(RUN).latents_of(2).write_bytes(b"PK\x03\x04")
    embedder.want((Wish(RUN, 2),))
    assert "no codes that can be read" in heard.wait(lambda told: told.failed == 2).says
    embedder.want((Wish(RUN, 1),))
    heard.wait(lambda told: 1 in told.pictures)
    embedder.close()
    give_up = time.monotonic() + 10
    while any(thread.name == "embedder" and thread.is_alive() for thread in threading.enumerate()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
