"""Settings, configurations, noises and what forms hold: taken, or refused in one sentence."""

import dataclasses
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine import catalog
from engine.noise import Noise
from engine.spec import RunSpec
from tests.properties.awkward import documents, words
from tests.properties.refusal import read_or_refused
from tui.requests import launching
from tui.requests.exporting import listed

_KINDS = st.sampled_from(("cae", "dae", "vae", "classifier"))


def plain(kind: str) -> RunSpec:
    return RunSpec(kind=kind, dataset="digits", epochs=3, model=catalog.kind(kind).spec())


_NAMES = st.sampled_from(
    sorted({name for kind in ("cae", "dae", "vae", "classifier") for name in plain(kind).settings()})
)


@given(kind=_KINDS, settings=st.dictionaries(_NAMES | words, words | documents, max_size=3))
def test_settings_that_are_taken_can_be_written_and_read_again(kind: str, settings: dict[str, Any]) -> None:
    spec = read_or_refused(lambda: plain(kind).with_settings(settings))
    if spec is not None:
        assert catalog.read_spec(json.loads(json.dumps(spec.as_json(), allow_nan=False))) == spec


_FIELDS = sorted(field.name for field in dataclasses.fields(RunSpec))


@given(kind=_KINDS, changes=st.dictionaries(st.sampled_from(_FIELDS) | words, documents, min_size=1, max_size=3))
def test_a_damaged_configuration_is_refused(kind: str, changes: dict[str, Any]) -> None:
    found = read_or_refused(lambda: catalog.read_spec({**plain(kind).as_json(), **changes}))
    if found is not None:
        json.dumps(found.as_json(), allow_nan=False)


@given(text=words | st.tuples(st.sampled_from(("gaussian", "masking")), words).map(":".join))
def test_noises_are_read_or_refused(text: str) -> None:
    for noise in read_or_refused(lambda: Noise.parse(text)) or ():
        assert Noise.parse(str(noise)), "what it is called is understood"


@given(values=st.dictionaries(st.sampled_from([field.key for field in launching.fields()]), words, max_size=3))
def test_a_form_is_read_or_refused(values: dict[str, str]) -> None:
    sound = {field.key: field.default for field in launching.fields()}
    read_or_refused(lambda: launching.launch_of({**sound, **values}))


@given(text=words)
def test_lists_are_split(text: str) -> None:
    assert all(word.strip() == word and word for word in listed(text))
