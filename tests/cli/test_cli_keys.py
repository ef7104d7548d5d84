"""``aetui keys``, and what a keymap that cannot be used does to the commands that need it."""

import re
import tomllib
from pathlib import Path

from tests.cli.command_line import CommandLine


def test_all_keys_are_listed(aetui: CommandLine) -> None:
    said = aetui("keys")
    assert said.status == 0
    assert re.search(r"^run\.stop +x +runs +Stop", said.out, re.MULTILINE)
    found = {each["id"]: each for each in aetui("keys", "--json").json()}
    assert found["run.stop"]["keys"] == ["x"]
    assert all(each["meaning"] for each in found.values())
    assert not aetui.root.exists()


def test_the_keymap_that_it_prints_can_be_used(aetui: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    env = {"AETUI_KEYMAP": str(file)}
    printed = aetui("keys", "--toml").out
    assert tomllib.loads(printed) == {}, "what is as it was is a comment"
    file.write_text(re.sub(r'^# "', '"', printed, flags=re.MULTILINE))
    assert '"run.stop" = "x"' in file.read_text()
    assert aetui("keys", "--json", env=env).json() == aetui("keys", "--json").json()
    file.write_text(printed.replace('# "run.stop" = "x"', '"run.stop" = "f9"'))
    assert tomllib.loads(aetui("keys", "--toml", env=env).out) == {"run.stop": "f9"}
    assert re.search(
        rf"^ok +keys +{re.escape(str(file))} changes 1 action$", aetui("doctor", env=env).out, re.MULTILINE
    )


def test_a_keymap_that_cannot_be_used_stops_the_screen_before_it_opens(aetui: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text('"run.stop" = "ctrl+q"\n')
    said = aetui.at_terminal(env={"AETUI_KEYMAP": str(file), "TERM": "xterm-256color"})
    assert said.status == 2
    assert said.out.strip() == f"aetui: {file}: run.stop cannot have ctrl+q: terminals take it for flow control."
    assert "broken  keys" in aetui("doctor", env={"AETUI_KEYMAP": str(file)}).out
