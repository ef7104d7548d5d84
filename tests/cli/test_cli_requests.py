"""Wrong requests: one sentence, status 2, and nothing queued or written."""

from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine, Result

WRONG = [
    "run",
    "run nope",
    "run cae --dataset nope",
    "run cae --dataset /no/such/file.npz",
    "run cae --set nope=1",
    "run cae --set lr",
    "run cae --set lr=fast",
    "run cae --set lr=-1",
    "run cae --set latent_dim=1.5",
    "run cae --set optimizer=nope",
    "run cae --epochs 0",
    "run cae --epochs many",
    "run cae --seed -1",
    "run cae --threads 0",
    "run cae --device tpu",
    "run cae --device cuda:99",
    "run cae --name ../escape",
    "run cae --name .hidden",
    "run cae --from nope/0",
    "run cae --from nope",
    "run cae --detach --queue-only",
    "run cae --storage nope",
    "run cae --artifacts ftp://bucket",
    "run cae --nope",
    "ls --storage sqlite:////no/such/file.db",
    "worker --slots 0",
    "worker --device nope",
    "show nope/0",
    "show nope",
    "show nope/-1",
    "logs nope/0",
    "stop nope/0",
    "kill nope/0",
    "pause nope/0",
    "resume nope/0",
    "rm nope/0 --yes",
    "restore nope/0",
    "stop",
    "data get nope",
    "data nope",
    "nope",
    "--nope",
]


def assert_one_sentence(said: Result) -> None:
    assert said.status == 2
    assert said.err.startswith("aetui: ")
    assert said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_request_on_a_fresh_root_writes_nothing(aetui: CommandLine, line: str) -> None:
    said = aetui(*line.split())
    assert_one_sentence(said)
    assert said.out == ""
    assert not aetui.root.exists()


def test_a_fresh_root_lists_nothing_and_stays_unmade(aetui: CommandLine) -> None:
    for line in ("ls", "workers"):
        said = aetui(line, "--json")
        assert said.status == 0
        assert said.json() == []
    assert not aetui.root.exists()


USED = [
    ("run vae --dataset digits --name cae-digits", "holds cae runs"),
    ("run cae --from cae-digits/0 --epochs 2", "has 2 epochs already"),
    ("run cae --from cae-digits/0 --epochs 9 --set latent_dim=3", "latent_dim=6"),
    ("run vae --from cae-digits/0 --epochs 9", "weights do not fit"),
    ("run classifier --from cae-digits/0 --set width=3", "its encoder fits no other"),
    ("run classifier --from cae-digits/0 --set freeze=nothing", "freeze"),
    ("run cae --from cae-digits/7 --epochs 9", "no run cae-digits/7"),
    ("ls nope", "no experiment"),
    ("show cae-digits/7", "no run cae-digits/7"),
    ("stop cae-digits/0", "nothing to stop"),
    ("kill cae-digits/0", "only a running run"),
    ("pause cae-digits/0", "only a running or waiting run"),
    ("resume cae-digits/0", "complete"),
    ("restore cae-digits/0", "not deleted"),
    ("rm cae-digits/0", "--yes"),
    ("logs -f cae-digits/0 --json", "--follow"),
]


@pytest.mark.parametrize(("line", "why"), USED)
def test_a_wrong_request_on_a_used_root_changes_nothing(trained: CommandLine, line: str, why: str) -> None:
    before = trained.listed()
    said = trained(*line.split())
    assert_one_sentence(said)
    assert why in said.err
    assert trained.listed() == before


def test_with_json_the_error_is_the_document(aetui: CommandLine) -> None:
    said = aetui("show", "nope/0", "--json")
    assert_one_sentence(said)
    assert said.json()["status"] == 2
    assert said.json()["error"] in said.err
    usage = aetui("--json", "run")
    assert usage.status == usage.json()["status"] == 2


def test_a_password_in_an_address_is_not_repeated(aetui: CommandLine) -> None:
    for address in ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "postgresql+nope://me:secret@127.0.0.1/x"):
        said = aetui("ls", "--storage", address)
        assert_one_sentence(said)
        assert "secret" not in said.err + said.out


def test_a_root_that_is_a_file_is_a_wrong_request(aetui: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("")
    assert_one_sentence(aetui("run", "cae", "--dataset", "digits", "--root", str(file)))


def test_own_images_that_cannot_be_used_are_found_before_queueing(aetui: CommandLine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"not a zip file")
    said = aetui("run", "cae", "--dataset", str(broken), "--queue-only")
    assert_one_sentence(said)
    assert not aetui.root.exists()


def test_debug_shows_where(aetui: CommandLine) -> None:
    said = aetui("show", "nope/0", "--debug")
    assert said.status == 2
    assert "Traceback" in said.err
    assert said.err.splitlines()[-1].startswith("aetui: ")


def test_several_runs_are_all_checked_before_the_first_changes(aetui: CommandLine) -> None:
    assert aetui("run", "cae", "--dataset", "digits", "--queue-only").status == 0
    for command in (["stop"], ["pause"], ["rm", "--yes"]):
        assert_one_sentence(aetui(*command, "cae-digits/0", "cae-digits/1"))
        assert aetui.state("cae-digits/0") == "waiting"


def test_demo_queues_both_runs_or_none(aetui: CommandLine) -> None:
    assert aetui("run", "cae", "--dataset", "digits", "--name", "demo-vae", "--queue-only").status == 0
    assert_one_sentence(aetui("demo"))
    assert [entry["experiment"] for entry in aetui("ls", "--json").json()] == ["demo-vae"]


def test_a_data_set_that_cannot_be_fetched(aetui: CommandLine, tmp_path: Path) -> None:
    nobody = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    said = aetui("run", "cae", "--dataset", "kmnist", "--data-dir", str(tmp_path / "data"), env=nobody)
    assert said.status == 2
    assert said.err.splitlines()[-1].startswith("aetui: ")
    assert "could not be fetched" in said.err
    assert "Traceback" not in said.err
    assert not aetui.root.exists()
