"""Files of runs through an artifact store, from one host's root to another's: S3 on loopback, and a folder."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import listing, queue, workers
from store.address import ARTIFACTS_VARIABLE, find_artifacts
from store.database import Database, open_database
from store.errors import LeaseLost, RequestError, SharingTrouble
from store.experiments import ensure_experiment
from store.paths import Root, RunPaths
from store.records import Claim, Run
from store.sharing import ledger
from store.sharing.download import Downloader
from store.sharing.objects import Objects, open_objects
from store.sharing.upload import Uploader, upload
from tests import s3 as s3_server
from tests.live import small_spec
from tests.s3 import s3 as s3

_numbers = itertools.count()


@pytest.fixture(params=["folder", "s3"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty artifact store of each kind."""
    if request.param == "folder":
        return str(tmp_path / "shared by all")
    for variable, value in s3_server.environment(request.getfixturevalue("s3")).items():
        monkeypatch.setenv(variable, value)
    return f"s3://runs/of/test-{next(_numbers)}"


@pytest.fixture
def hosts(tmp_path: Path, artifacts: str) -> Iterator[tuple[Database, Database]]:
    """Two hosts' roots over one storage and one artifact store."""
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    opened = [open_database(Root(tmp_path / name), storage, artifacts=artifacts, create=True) for name in "ab"]
    yield opened[0], opened[1]
    for database in opened:
        database.close()


def claimed(database: Database) -> Claim:
    """A run that a worker of this host has."""
    workers.register(database, f"w{next(_numbers)}@cpu", "cpu", None)
    worker_id = workers.workers(database)[-1].worker_id
    study = ensure_experiment(database, "-e.x", "cae", "digits")
    queue.enqueue(database, study, "-e.x", small_spec().as_json(), device="cpu", epochs=9, user_attrs={})
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    return claim


def run_of(database: Database, claim: Claim) -> Run:
    return listing.run(database, claim.name)


def write(paths: RunPaths, **contents: str) -> None:
    """Files as a worker writes them: whole, in the place of the older."""
    for name, content in contents.items():
        path = paths.folder / {"last": "last.safetensors", "codes": "latents/1.npz", "more": "latents/2.npz"}.get(
            name, f"{name}.json"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(".aside")
        aside.write_text(content)
        aside.replace(path)


def contents(paths: RunPaths) -> dict[str, str]:
    """What others get to see of a folder."""
    return {
        str(path.relative_to(paths.folder)): path.read_text()
        for path in paths.folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def num_objects(database: Database) -> int:
    opened = open_objects(str(database.artifacts))
    if opened.folder is not None:
        return sum(path.is_file() for path in opened.folder.rglob("*"))
    client = opened.artifacts.client  # type: ignore[attr-defined]
    return int(client.list_objects_v2(Bucket="runs", Prefix=opened.prefix)["KeyCount"])


def test_what_one_host_uploads_another_fetches_and_only_what_changed(hosts: tuple[Database, Database]) -> None:
    a, b = hosts
    claim = claimed(a)
    here, there = a.root.run(claim.name), b.root.run(claim.name)
    write(here, config="{}", last="weights 1", codes="codes 1")
    uploader, downloader = Uploader(a), Downloader(b)
    assert uploader.of_attempt(claim) == len("{}" + "weights 1" + "codes 1")
    assert uploader.of_attempt(claim) == 0

    told: list[tuple[int, int]] = []
    assert downloader.fetch(run_of(b, claim), lambda *far: told.append(far), with_weights=False)
    assert contents(there) == {"config.json": "{}", "latents/1.npz": "codes 1"}
    assert told[0] == (0, 9)
    assert told[-1] == (9, 9)
    assert downloader.fetch(run_of(b, claim), with_weights=True)
    assert contents(there) == contents(here)
    assert not downloader.fetch(run_of(b, claim), with_weights=True)

    kept = (there.folder / "config.json").stat().st_ino
    write(here, last="weights 2", more="codes 2")
    (here.folder / "latents" / "1.npz").unlink()  # thinned out
    assert uploader.of_attempt(claim) == len("weights 2" + "codes 2")
    assert downloader.fetch(run_of(b, claim), with_weights=True)
    assert contents(there) == contents(here) == {
        "config.json": "{}", "last.safetensors": "weights 2", "latents/2.npz": "codes 2"
    }  # fmt: skip
    assert (there.folder / "config.json").stat().st_ino == kept, "what had not changed was fetched again"
    assert num_objects(a) == 3, "objects that nothing names any more were left behind"


def test_lines_still_being_written_are_left_for_the_next_time(hosts: tuple[Database, Database]) -> None:
    a, b = hosts
    claim = claimed(a)
    a.root.run(claim.name).folder.mkdir(parents=True)
    a.root.run(claim.name).metrics.write_text('{"kind": "epoch", "epoch": 1}\n{"kind": "ep')
    Uploader(a).of_attempt(claim)
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert b.root.run(claim.name).metrics.read_text() == '{"kind": "epoch", "epoch": 1}\n'
    with a.root.run(claim.name).metrics.open("a") as file:
        file.write('och", "epoch": 2}\n')
    Uploader(a).of_attempt(claim)
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert b.root.run(claim.name).metrics.read_text() == a.root.run(claim.name).metrics.read_text()


def test_an_attempt_that_was_taken_over_changes_nothing_any_more(hosts: tuple[Database, Database]) -> None:
    a, b = hosts
    old = claimed(a)
    write(a.root.run(old.name), last="of the first attempt")
    Uploader(a).of_attempt(old)
    queue.give_back(a, old)
    workers.register(b, "later@cpu", "cpu", None)
    new = queue.claim(b, "later@cpu", "cpu")
    assert new is not None
    Downloader(b).fetch_of(new.name, new.trial_id, with_weights=True)
    assert contents(b.root.run(new.name)) == {"last.safetensors": "of the first attempt"}
    write(b.root.run(new.name), last="of the second attempt")
    Uploader(b).of_attempt(new)

    write(a.root.run(old.name), last="what a worker wrote that was asleep")
    with pytest.raises(LeaseLost):
        Uploader(a).of_attempt(old)
    assert num_objects(a) == 1
    # Nor does a command on that host, as long as a worker has the run.
    upload(a, run_of(a, old))
    Downloader(b).fetch(run_of(b, old), with_weights=True)
    assert contents(b.root.run(new.name)) == {"last.safetensors": "of the second attempt"}
    assert Downloader(a).fetch(run_of(a, old), with_weights=True)
    assert contents(a.root.run(old.name)) == {"last.safetensors": "of the second attempt"}


def test_what_a_lost_attempt_has_written_is_never_uploaded_afterwards(hosts: tuple[Database, Database]) -> None:
    a, b = hosts
    old = claimed(a)
    write(a.root.run(old.name), last="shared")
    Uploader(a).of_attempt(old)
    write(a.root.run(old.name), last="an epoch more, which nobody has seen")
    queue.give_back(a, old)  # as the silence of its host does
    workers.register(b, "later@cpu", "cpu", None)
    new = queue.claim(b, "later@cpu", "cpu")
    assert new is not None
    Downloader(b).fetch_of(new.name, new.trial_id, with_weights=True)
    write(b.root.run(new.name), last="the end")
    Uploader(b).of_attempt(new)
    queue.finish(b, new, "COMPLETE", value=0.5)
    write(a.root.run(old.name), measured="here")
    upload(a, run_of(a, old))
    for database in hosts:
        Downloader(database).fetch(run_of(database, old), with_weights=True)
        assert contents(database.root.run(old.name)) == {"last.safetensors": "the end", "measured.json": "here"}


def test_what_is_older_here_is_not_uploaded_over_what_is_newer(hosts: tuple[Database, Database]) -> None:
    a, b = hosts
    claim = claimed(a)
    write(a.root.run(claim.name), results="old", last="old")
    Uploader(a).of_attempt(claim)
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    write(a.root.run(claim.name), results="new", last="new")
    Uploader(a).of_attempt(claim)
    queue.finish(a, claim, "COMPLETE", value=0.5)
    write(b.root.run(claim.name), measured="on the other host")
    upload(b, run_of(b, claim))
    Downloader(a).fetch(run_of(a, claim), with_weights=True)
    expected = {"results.json": "new", "last.safetensors": "new", "measured.json": "on the other host"}
    assert contents(a.root.run(claim.name)) == expected
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert contents(b.root.run(claim.name)) == expected


def test_an_upload_that_breaks_off_changes_nothing(
    hosts: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = hosts
    claim = claimed(a)
    write(a.root.run(claim.name), config="1", last="1")
    Uploader(a).of_attempt(claim)
    write(a.root.run(claim.name), config="2", last="2")
    put, num = Objects.put, itertools.count()

    def breaks_off(objects: Objects, key: str, content: bytes) -> None:
        if next(num) == 1:
            raise SharingTrouble("the line is cut")
        put(objects, key, content)

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "put", breaks_off)
        with pytest.raises(SharingTrouble):
            Uploader(a).of_attempt(claim)
    assert num_objects(a) == 2
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert contents(b.root.run(claim.name)) == {"config.json": "1", "last.safetensors": "1"}
    assert Uploader(a).of_attempt(claim) == 2
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert contents(b.root.run(claim.name)) == {"config.json": "2", "last.safetensors": "2"}


def test_an_object_replaced_while_it_is_asked_for_is_asked_for_anew(
    hosts: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = hosts
    claim = claimed(a)
    write(a.root.run(claim.name), last="first")
    Uploader(a).of_attempt(claim)
    get = Objects.get

    def late(objects: Objects, key: str) -> bytes:
        monkeypatch.setattr(Objects, "get", get)
        write(a.root.run(claim.name), last="second")
        Uploader(a).of_attempt(claim)
        return get(objects, key)

    monkeypatch.setattr(Objects, "get", late)
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert contents(b.root.run(claim.name)) == {"last.safetensors": "second"}


def test_a_damaged_object_is_named_and_what_is_here_stays(hosts: tuple[Database, Database]) -> None:
    a, b = hosts
    claim = claimed(a)
    write(a.root.run(claim.name), last="sound")
    Uploader(a).of_attempt(claim)
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    write(a.root.run(claim.name), last="newer")
    Uploader(a).of_attempt(claim)
    with a.read() as connection:
        key = ledger.files(connection, claim.trial_id)["last.safetensors"].key
    open_objects(str(a.artifacts)).put(key, b"other bytes")
    with pytest.raises(SharingTrouble, match=rf"{key} in .* is damaged"):
        Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert contents(b.root.run(claim.name)) == {"last.safetensors": "sound"}


@pytest.mark.parametrize(
    "path", ["../escape", "/etc/escape", "a/../../escape", ".hidden", "a/b/c", "", "a//b", "a\nb", "\x1b[31m", "a/.b"]
)
def test_no_row_leads_out_of_the_runs_folder(tmp_path: Path, path: str) -> None:
    artifacts = str(tmp_path / "artifacts")
    database = open_database(Root(tmp_path / "runs"), artifacts=artifacts, create=True)
    claim = claimed(database)
    open_objects(artifacts).put("e/0/evil", b"evil")
    digest = "4e10ccb2ec6a6ff5a9d2d7c5d3b5e7c9a2d0f7b1"
    file = ledger.SharedFile(path=path, key="e/0/evil", size=4, digest=digest)
    with database.write() as connection:
        ledger.replace(connection, claim.trial_id, {path: file}, ())
    before = {found for found in tmp_path.rglob("*") if found.name != "aetui.db-shm"}
    assert not Downloader(database).fetch(run_of(database, claim), with_weights=True)
    assert {found for found in tmp_path.rglob("*") if found.name != "aetui.db-shm"} == before
    for key in ("../escape", "/etc/passwd", "e/../../x", ""):
        with database.write() as connection:
            sound = dataclasses.replace(file, path="sound.json", key=key)
            ledger.replace(connection, claim.trial_id, {"sound.json": sound}, ())
        assert not Downloader(database).fetch(run_of(database, claim), with_weights=True)
    database.close()


def test_only_their_owner_reads_what_is_shared_and_fetched(tmp_path: Path) -> None:
    artifacts, storage = str(tmp_path / "artifacts"), f"sqlite:///{tmp_path / 'shared.db'}"
    a, b = (open_database(Root(tmp_path / name), storage, artifacts=artifacts, create=True) for name in "ab")
    claim = claimed(a)
    write(a.root.run(claim.name), codes="codes")
    Uploader(a).of_attempt(claim)
    Downloader(b).fetch(run_of(b, claim), with_weights=True)
    assert b.root.run(claim.name).latents_of(1).read_text() == "codes"
    for top in (tmp_path / "artifacts", b.root.path):  # nobody gets below it
        assert top.stat().st_mode & 0o777 == 0o700
    for database in (a, b):
        database.close()


def test_a_link_in_a_runs_folder_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the user's own")
    database = open_database(Root(tmp_path / "runs"), artifacts=str(tmp_path / "artifacts"), create=True)
    claim = claimed(database)
    write(database.root.run(claim.name), config="{}")
    (database.root.run(claim.name).folder / "link.json").symlink_to(secret)
    assert Uploader(database).of_attempt(claim) == 2
    database.close()


def test_a_storage_whose_files_are_shared_wants_to_be_told_where(tmp_path: Path) -> None:
    artifacts = str(tmp_path / "artifacts")
    database = open_database(Root(tmp_path / "runs"), artifacts=artifacts, create=True)
    claim = claimed(database)
    write(database.root.run(claim.name), config="{}")
    open_database(Root(tmp_path / "runs")).close()
    Uploader(database).of_attempt(claim)
    database.close()
    with pytest.raises(RequestError, match="name it with --artifacts or AETUI_ARTIFACTS"):
        open_database(Root(tmp_path / "runs"))
    open_database(Root(tmp_path / "runs"), artifacts=artifacts).close()


def test_an_artifact_store_that_does_not_answer_is_one_sentence(
    tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in s3_server.environment(s3).items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SharingTrouble, match=r"s3://not-there/x cannot be used just now: .*NoSuchBucket"):
        open_objects("s3://not-there/x").put("k", b"")
    with pytest.raises(SharingTrouble, match="make its bucket first"):
        open_objects("s3://not-there/x").get("k")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(SharingTrouble, match=r"cannot be used just now: Could not connect") as refused:
        open_objects("s3://runs").get("k")
    assert "not-shown-anywhere" not in str(refused.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(SharingTrouble, match="cannot be used just now: File exists"):
        open_objects(str(tmp_path / "file")).put("a/b", b"")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("s3://runs", "s3://runs"),
        ("s3://my.runs/of/team-1/", "s3://my.runs/of/team-1"),
        ("/shared/runs", "/shared/runs"),
        ("file:///shared/runs", "/shared/runs"),
    ],
)
def test_addresses_of_artifact_stores(address: str, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_artifacts(address) == kept
    monkeypatch.setenv(ARTIFACTS_VARIABLE, address)
    assert find_artifacts() == kept


@pytest.mark.parametrize(
    "address",
    [
        "ftp://x",
        "s3://",
        "s3://UPPER",
        "s3://key:secret@runs/x",
        "s3://runs/../x",
        "s3://runs/a b",
        "file://x",
        "x" * 9999,
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(RequestError) as refused:
        find_artifacts(address)
    assert "secret" not in str(refused.value)
