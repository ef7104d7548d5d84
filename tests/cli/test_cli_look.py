"""``ls``, ``show``, ``logs``, ``workers``, ``data``, ``doctor``: for people and as JSON."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine

RUN_FIELDS = {
    *("run", "experiment", "number", "kind", "dataset", "state", "value", "epoch", "epochs", "params", "seed"),
    *("threads", "attempt", "user_attrs", "test", "duration_s", "device", "host", "directory", "reason"),
}


def test_ls_lists_experiments(trained: CommandLine) -> None:
    found = {entry["experiment"]: entry for entry in trained("ls", "--json").json()}
    assert {"cae-digits", "small"} <= set(found)
    assert found["small"]["kind"] == "vae"
    assert found["small"]["dataset"] == "digits"
    assert found["small"]["states"] == {"complete": 1}
    assert 0 < found["small"]["best"] < 1
    shown = trained("ls").out
    assert "cae-digits" in shown
    assert "1 complete" in shown


def test_a_run_is_the_same_object_everywhere(trained: CommandLine) -> None:
    (listed,) = trained("ls", "cae-digits", "--json").json()
    shown = trained("show", "cae-digits/0", "--json").json()
    assert listed == shown
    assert set(shown) >= RUN_FIELDS
    assert (shown["run"], shown["experiment"], shown["number"]) == ("cae-digits/0", "cae-digits", 0)
    assert (shown["state"], shown["epoch"], shown["epochs"], shown["attempt"]) == ("complete", 2, 2, 1)
    assert shown["params"]["width"] == 2
    assert shown["test"]["mse"] > 0
    assert shown["directory"] == str(trained.root / "cae-digits" / "0")
    assert Path(shown["directory"], "best.safetensors").is_file()


def test_show_draws_curve_and_scatter(trained: CommandLine) -> None:
    shown = trained("show", "cae-digits/0").out
    assert "mse" in shown
    assert "training" in shown
    assert "validation" in shown
    assert "latent space, epoch 2, PCA of 6-D" in shown
    assert "latent space, epoch 1, z1 x z2" in trained("show", "small/0").out


def test_compare_tells_what_differs_and_draws_the_curves(trained: CommandLine) -> None:
    said = trained("compare", "cae-digits/0", "small/0", "cae-digits/0")
    assert (said.status, said.err) == (0, "")
    words = [line.split() for line in said.out.splitlines()]
    assert words[0] == ["cae-digits/0", "small/0", "change"], "each run once"
    assert ["kind", "cae", "vae"] in words
    assert ["latent_dim", "6", "2", "-66.7", "%"] in words
    assert "batch_size" not in said.out, "what is the same is left out"
    assert "validation mse" in said.out
    assert any(0x2800 < ord(character) < 0x2900 for character in said.out), "a curve in braille"


def test_compare_as_json_has_the_values_of_the_runs(trained: CommandLine) -> None:
    found = trained("compare", "cae-digits/0", "small/0", "--json").json()
    assert found["runs"] == ["cae-digits/0", "small/0"]
    one, other = (trained("show", run, "--json").json() for run in found["runs"])
    assert found["differences"]["settings"]["latent_dim"] == [6, 2]
    assert found["differences"]["results"]["test mse"] == [one["test"]["mse"], other["test"]["mse"]]
    assert found["differences"]["results"]["error"] == [one["value"], other["value"]]
    assert found["same"] > 5


@pytest.mark.parametrize("suffix", ["svg", *(pytest.param(each, marks=pytest.mark.slow) for each in ("png", "pdf"))])
def test_compare_draws_the_same_figure_twice_and_says_the_numbers(
    trained: CommandLine, tmp_path: Path, suffix: str
) -> None:
    files = [tmp_path / f"{name}.{suffix}" for name in ("one", "other")]
    for file in files:
        assert trained("compare", "cae-digits/0", "small/0", "--out", str(file)).status == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    begins = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    assert files[0].read_bytes().startswith(begins[suffix])
    head, *rows = (line.split(",") for line in files[0].with_suffix(".csv").read_text().splitlines())
    assert head == ["run", "epoch", "value"]
    kept = [
        [run, str(float(line["epoch"])), str(line["val_mse"])]
        for run in ("cae-digits/0", "small/0")
        for line in map(json.loads, (trained.root / run / "metrics.jsonl").read_text().splitlines())
        if line["kind"] == "epoch"
    ]
    assert rows == kept
    assert len(rows) == 3
    assert {file.name for file in tmp_path.iterdir()} == {
        f"{name}.{end}" for name in ("one", "other") for end in (suffix, "csv")
    }


def test_compare_that_cannot_write_says_so(trained: CommandLine, tmp_path: Path) -> None:
    for out, says in ((tmp_path / "absent" / "x.png", "cannot be written"), (tmp_path / "x.gif", "is no figure")):
        said = trained("compare", "cae-digits/0", "small/0", "--out", str(out))
        assert (said.status, said.out) == (2, "")
        assert says in said.err
        assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        (["cae-digits/0"], "two runs or more"),
        (["cae-digits/0", "cae-digits/0"], "two runs or more"),
        (["cae-digits/0", "small/7"], "no run small/7"),
        (["cae-digits/0", "../small/0"], "cannot be used"),
    ],
)
def test_compare_refuses_in_one_sentence(trained: CommandLine, runs: list[str], says: str) -> None:
    said = trained("compare", *runs)
    assert (said.status, said.out) == (2, "")
    assert says in said.err
    assert said.err.count("\n") == 1


def test_show_of_a_run_that_has_nothing_yet(aetui: CommandLine) -> None:
    aetui("run", "cae", "--dataset", "digits", "--queue-only")
    said = aetui("show", "cae-digits/0")
    assert said.status == 0
    assert "waiting" in said.out
    assert aetui("logs", "cae-digits/0").status == 0


@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}])
def test_show_at_a_terminal_fits_and_obeys_no_color(trained: CommandLine, colour: dict[str, str]) -> None:
    said = trained.at_terminal("show", "small/0", env=colour)
    assert said.status == 0
    assert ("\x1b[38;" in said.out) != bool(colour)


def test_logs_print_what_the_worker_wrote(trained: CommandLine) -> None:
    said = trained("logs", "cae-digits/0")
    assert "epoch 2/2" in said.out
    assert trained("logs", "-f", "cae-digits/0").out == said.out
    assert trained("logs", "cae-digits/0", "--json").json() == {"run": "cae-digits/0", "log": said.out}


def test_a_log_cannot_steer_the_terminal(aetui: CommandLine) -> None:
    aetui("run", "cae", "--dataset", "digits", "--queue-only")
    log = aetui.root / "cae-digits" / "0" / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("before \x1b[2J after\n")
    assert aetui("logs", "cae-digits/0").out == "before ?[2J after\n"


def test_options_stand_before_or_after_the_command(trained: CommandLine, aetui: CommandLine) -> None:
    expected = trained("ls", "--json").json()
    root = str(trained.root)
    for arguments in (
        ["--root", root, "--json", "ls"],
        ["ls", "--root", root, "--json"],
        ["--json", "ls", "--root", root],
        ["--root", str(aetui.root), "ls", "--root", root, "--json"],
    ):
        assert aetui(*arguments).json() == expected


def test_storage_names_the_database(trained: CommandLine, aetui: CommandLine) -> None:
    address = f"sqlite:///{trained.root / 'aetui.db'}"
    assert aetui("ls", "--storage", address, "--json").json() == trained("ls", "--json").json()


def test_data_states_sizes(aetui: CommandLine) -> None:
    found = {entry["name"]: entry for entry in aetui("data", "--json").json()}
    assert found == {entry["name"]: entry for entry in aetui("data", "ls", "--json").json()}
    assert set(found) == {"mnist-5k", "digits", "mnist", "fashion-mnist", "kmnist"}
    digits = found["digits"]
    assert (digits["train"], digits["validation"], digits["test"], digits["is_here"]) == (1437, 180, 180, True)
    assert not found["mnist"]["is_here"]
    assert aetui("data", "get", "digits").status == 0
    assert "mnist-5k" in aetui("data").out


def test_data_are_found_in_the_named_folder(aetui: CommandLine, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{part}-ubyte").touch()
    for said in (
        aetui("data", "--json", "--data-dir", str(tmp_path)),
        aetui("data", "--json", env={"AETUI_DATA": str(tmp_path)}),
    ):
        assert {entry["name"] for entry in said.json() if entry["is_here"]} == {"mnist-5k", "digits", "mnist"}


def test_doctor_finds_this_machine_fit(aetui: CommandLine) -> None:
    said = aetui("doctor", "--json")
    assert said.status == 0
    report = said.json()
    assert report["ok"]
    subjects = {check["subject"] for check in report["checks"]}
    machine = {"python", "torch", "compiler", "devices", "root", "storage", "data"}
    assert subjects == machine | {"terminal", "tmux", "logout", "notify", "settings"}
    assert all(check["advice"] for check in report["checks"] if check["verdict"] == "note")


@pytest.mark.parametrize(
    ("variables", "says", "advice"),
    [
        ({"AETUI_KERNELS": "torch"}, "not used, as AETUI_KERNELS says", "a quarter longer"),
        ({"CC": "/bin/false"}, "/bin/false fails (status 1)", "a quarter longer"),
        ({"CC": "", "PATH": "/nowhere"}, "there is none for C", "install gcc"),
    ],
)
def test_doctor_tells_why_nothing_is_compiled(
    aetui: CommandLine, variables: dict[str, str], says: str, advice: str
) -> None:
    said = aetui("doctor", "--json", env=variables)
    assert said.status == 0
    (compiler,) = (check for check in said.json()["checks"] if check["subject"] == "compiler")
    assert (compiler["verdict"], compiler["says"]) == ("note", says)
    assert advice in compiler["advice"]


def test_doctor_finds_a_damaged_storage(aetui: CommandLine) -> None:
    aetui.root.mkdir(parents=True)
    (aetui.root / "aetui.db").write_bytes(b"no database " * 1000)
    said = aetui("doctor", "--json")
    assert said.status == 1
    (storage,) = (check for check in said.json()["checks"] if check["subject"] == "storage")
    assert storage["verdict"] == "broken"
    assert storage["advice"]
