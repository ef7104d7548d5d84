"""What ``notify.toml`` may say, and that a real command and a real (loopback) webhook get it."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from engine import notify
from engine.notices import EVENTS, NOTIFY_VARIABLE, Notice, Notify, notices_of, of_end, read_notify
from store.errors import RequestError
from store.names import RunName
from store.news import KILLED, Ended
from store.records import RunState

NOTICE = Notice(event="failed", subject="cae-digits/3", text="cae-digits/3 has failed: NaN")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "notify.toml"
    monkeypatch.setenv(NOTIFY_VARIABLE, str(path))
    return path


def ended(state: RunState, *, reason: str | None = None, is_searched: bool = False) -> Ended:
    name = RunName("cae-digits", 3)
    return Ended(name=name, state=state, value=0.0147, reason=reason, at=1.0, is_searched=is_searched)


def test_without_a_file_only_the_screen_tells(file: Path) -> None:
    assert read_notify() == Notify(on=EVENTS, command=(), webhook="", bell=True, osc9=True)
    assert not read_notify().needs_process


def test_the_file_lies_in_the_users_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NOTIFY_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "aetui").mkdir()
    (tmp_path / "aetui" / "notify.toml").write_text('on = ["search"]\nbell = false\n')
    assert read_notify() == Notify(on=("search",), bell=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bell = ", "is not TOML"),
        ("bells = true", "'bells' means nothing; it takes on, command, webhook, bell, osc9"),
        ('bell = "yes"', "bell is to be true or false"),
        ('command = "notify-send"', "command is to be a list of words"),
        ("command = [1]", "command is to be a list of words"),
        ('on = ["finished"]', "there is no event 'finished'"),
        ('webhook = "ftp://secret@example.org"', "webhook is to begin with https"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(RequestError) as refused:
        read_notify()
    assert says in str(refused.value)
    assert str(file) in str(refused.value)
    assert "secret" not in str(refused.value)


def test_what_a_user_ended_and_a_searchs_many_runs_are_no_news() -> None:
    told = of_end(ended(RunState.COMPLETE))
    assert told == Notice(event="complete", subject="cae-digits/3", text="cae-digits/3 is complete: error 0.0147")
    failed = of_end(ended(RunState.FAILED, reason="NaN", is_searched=True))
    assert failed is not None
    assert failed.text == "cae-digits/3 has failed: NaN"
    assert of_end(ended(RunState.COMPLETE, is_searched=True)) is None
    assert of_end(ended(RunState.PRUNED)) is None
    assert of_end(ended(RunState.STOPPED)) is None
    assert of_end(ended(RunState.FAILED, reason=KILLED)) is None


def test_only_the_events_that_were_asked_for_are_told() -> None:
    all_of_them = [ended(RunState.COMPLETE), ended(RunState.FAILED)]
    assert [notice.event for notice in notices_of(all_of_them, Notify())] == ["complete", "failed"]
    assert [notice.event for notice in notices_of(all_of_them, Notify(on=("failed",)))] == ["failed"]


def test_a_command_gets_the_notice_without_a_shell(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "import json,os,sys; print(sys.argv[1:], os.environ['AETUI_EVENT'], json.load(sys.stdin)['subject'])"
    command = [sys.executable, "-c", f"{code[:-1]}, file=open({str(out)!r}, 'w'))", "say {text}", "; rm -rf {subject}"]
    file.write_text(f"command = {json.dumps(command)}")
    assert notify.deliver(NOTICE) == []
    words = ["say cae-digits/3 has failed: NaN", "; rm -rf cae-digits/3"]
    assert out.read_text() == f"{words} failed cae-digits/3\n"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["no-such-program-here"], "The command no-such-program-here of notify.toml failed"),
        ([sys.executable, "-c", "raise SystemExit('no display')"], "ended with status 1: no display"),
    ],
)
def test_a_command_that_fails_is_told_of(file: Path, command: list[str], says: str) -> None:
    file.write_text(f"command = {json.dumps(command)}")
    (problem,) = notify.deliver(NOTICE)
    assert says in problem


class Hook(BaseHTTPRequestHandler):
    got: list[dict[str, str]]
    answers: list[int]

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.answers.pop(0))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hook]]:
    monkeypatch.setattr(notify, "_REST_S", 0.0)
    Hook.got, Hook.answers = [], []
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file.write_text(f'webhook = "http://127.0.0.1:{server.server_port}/token-of-mine"')
    yield Hook
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_the_notice_and_is_tried_again(hook: type[Hook]) -> None:
    hook.answers = [503, 200]
    assert notify.deliver(NOTICE) == []
    assert hook.got == [NOTICE.as_json()] * 2


def test_a_webhook_that_refuses_is_told_of_without_its_address(hook: type[Hook]) -> None:
    hook.answers = [403]
    assert notify.deliver(NOTICE) == ["The webhook of notify.toml failed: HTTP 403."]
    assert len(hook.got) == 1
