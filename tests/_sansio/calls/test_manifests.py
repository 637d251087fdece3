"""Manifests: whether writing one would change anything."""

from typing import Any

import pytest
from hypothesis import given

from craftkit_async import ConfigurationError, InvalidDataError, Loop, Manifest, Variable
from craftkit_async._sansio.calls.data import to_plain
from craftkit_async._sansio.calls.manifests import read_manifest, says_the_same
from tests.support.model_strategies import instances

MANIFEST = Manifest((Variable("a", data_type="text"),), (Loop("rows", item_fields=(Variable("b"),)),))


@given(instances(Manifest))
def test_either_form_is_read_alike(manifest: Manifest) -> None:
    """A manifest as a model and as the mapping it is written as say the same."""
    assert read_manifest(manifest) == read_manifest(to_plain(manifest)) == manifest
    assert says_the_same(manifest, manifest)


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ({"variables": [{"label": "x"}]}, r"manifest: does not fit: \$\.variables\[0\]\.key is missing"),
        ({"loops": 7}, r"manifest: does not fit: \$\.loops is a number, not an array"),
        ([], r"manifest: does not fit: \$ is an array, not an object"),
    ],
)
def test_unfit_manifests_are_refused(manifest: Any, sentence: str) -> None:
    """What is no manifest is refused with the path, as an argument and not as a reply."""
    with pytest.raises(ConfigurationError, match=sentence):
        read_manifest(manifest)


def test_manifests_that_are_no_json_are_refused() -> None:
    """What cannot be sent cannot be compared."""
    with pytest.raises(InvalidDataError, match=r"variables\[0\]\.key is a bytes"):
        read_manifest({"variables": [{"key": b"x"}]})


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        (Manifest(), Manifest()),
        (MANIFEST, MANIFEST),
        (Manifest(), Manifest(extra={"revision": 7})),
        (Manifest((Variable("a"),)), Manifest((Variable("a", extra={"isInteger": False}),))),
        (Manifest(extra={"x": 1}), Manifest(extra={"x": 1, "y": 2})),
        (Manifest(extra={"x": None}), Manifest()),
        (Manifest((), (Loop("l", preview_data=({"a": 1},)),)), Manifest((), (Loop("l", preview_data=({"a": 1},)),))),
    ],
)
def test_the_same(wanted: Manifest, stored: Manifest) -> None:
    """Members that nobody asked for do not count, and null is as good as absent."""
    assert says_the_same(wanted, stored)


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        (MANIFEST, Manifest()),
        (Manifest(), MANIFEST),
        (Manifest((Variable("a"),)), Manifest((Variable("b"),))),
        (Manifest((Variable("a"),)), Manifest((Variable("a", label="A"),))),
        (Manifest((Variable("a"), Variable("b"))), Manifest((Variable("b"), Variable("a")))),
        (Manifest((Variable("a", extra={"isInteger": True}),)), Manifest((Variable("a"),))),
        (Manifest(extra={"x": 1}), Manifest(extra={"x": 2})),
        (Manifest((), (Loop("l", preview_data=()),)), Manifest((), (Loop("l"),))),
        (Manifest((), (Loop("l", item_fields=(Variable("a"),)),)), Manifest((), (Loop("l"),))),
    ],
)
def test_not_the_same(wanted: Manifest, stored: Manifest) -> None:
    """Every member that was asked for counts, and so does the order."""
    assert not says_the_same(wanted, stored)
