"""Whatever is given as the address of a storage: it is opened, or one sentence says why not; no secret is repeated."""

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.address import STORAGE_FILE_VARIABLE, STORAGE_VARIABLE, find_storage
from store.backend import shown, storage_url
from store.database import database_exists, open_database
from store.errors import RequestError
from store.paths import Root
from tests.properties.awkward import words

SECRET = "hunter2"
_BACKENDS = st.sampled_from(
    (
        "sqlite",
        "sqlite+pysqlite",
        "sqlite+aiosqlite",
        "postgresql+psycopg",
        "postgresql",
        "mysql+pymysql",
        "mariadb",
        "x",
    )
)
# Nobody listens at the last port, and the first is no port.
_HOSTS = st.sampled_from(("127.0.0.1:9", "127.0.0.1:99999", "", "x" * 80, "[::1]:9", "é.invalid:9", "..:9"))
_SETTINGS = st.sampled_from(
    ("token", "password", "sslmode", "charset", "connect_timeout", "options", "foo", "host", "read_timeout", "uri")
)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """An address of the usual form, its parts awkward ones now and then."""
    user = draw(st.sampled_from(("", "me@", f"me:{SECRET}@", f"me:a@{SECRET}@", f":{SECRET}@")))
    name = draw(st.one_of(st.sampled_from(("x", "", ":memory:", "/x.db", "x" * 300)), words))
    query = draw(st.lists(st.tuples(_SETTINGS, st.one_of(st.sampled_from(("1", "10s", "utf9")), words)), max_size=2))
    behind = "&".join(f"{key}={value}" for key, value in query)
    return f"{draw(_BACKENDS)}://{user}{draw(_HOSTS)}/{name}" + (f"?{behind}" if behind else "")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are those of this machine alone: nobody is asked for ``é.invalid``."""
    known = socket.getaddrinfo

    def numbers_only(host: object, *arguments: object, **named: object) -> object:
        if isinstance(host, str) and host.strip("[]").replace(".", "").replace(":", "").isdigit():
            return known(host, *arguments, **named)  # type: ignore[arg-type]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", numbers_only)
    for variable in (STORAGE_VARIABLE, STORAGE_FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


@given(text=st.one_of(addresses(), addresses(), words))
def test_an_address_is_opened_or_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    here = tmp_path / "here"
    here.mkdir(exist_ok=True)
    monkeypatch.chdir(here)
    said = _refusal(Root(here / "runs"), text)
    assert said is None or (said.endswith(".") and "\n" not in said), said
    assert SECRET not in (said or "")
    assert list(here.iterdir()) == []


def _refusal(root: Root, text: str) -> str | None:
    """Why it cannot be opened; anything else that is raised is a failure of the test."""
    try:
        address = find_storage(text)
        database_exists(root, address)
        open_database(root, address).close()
    except RequestError as error:
        return str(error)
    return None


@given(value=words)
def test_what_an_address_says_beside_what_is_known_is_not_shown(value: str) -> None:
    url = storage_url(Root(Path("none")), "postgresql+psycopg://me@host/x").update_query_dict({"token": SECRET + value})
    assert SECRET not in shown(url)
