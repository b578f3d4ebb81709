"""Spaces and their members survive the journey as JSON."""

import json

import numpy as np
import pytest
from gymnasium import spaces

from quintain.envs.transcripts import equal
from quintain.errors import ConfigurationError
from quintain.serving.json_spaces import from_json, json_schema, plain, space_of, to_json
from quintain.spaces import UnicodeText

SPACES = (
    UnicodeText(30, min_length=1),
    spaces.Text(5, charset="abc"),
    spaces.Discrete(4, start=-2),
    spaces.Discrete(300, dtype=np.int32),
    spaces.MultiDiscrete(np.array([[2, 3], [4, 5]]), start=np.array([[0, 1], [-2, 3]])),
    spaces.MultiBinary((2, 3)),
    spaces.Box(-1.5, np.inf, (2, 3), np.float32),
    spaces.Box(np.array([0.0, -1.0]), np.array([1.0, 1e300]), dtype=np.float64),
    spaces.Box(0, 255, (4, 4, 3), np.uint8),
    spaces.Box(-1, 1, (), np.float32),
    spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Tuple([UnicodeText(3), spaces.Box(0, 1, (1,))])}),
)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_space_is_rebuilt_from_its_schema_and_members_are_equal(space):
    again = space_of(json.loads(json.dumps(json_schema(space), allow_nan=False)))
    assert again == space
    space.seed(3)
    for _ in range(5):
        member = space.sample()
        found = from_json(again, json.loads(json.dumps(to_json(space, member), allow_nan=False)))
        assert equal(found, member)
        assert found in space


def test_infinities_and_nan_are_written_by_name():
    space = spaces.Box(-np.inf, np.inf, (3,))
    data = to_json(space, np.array([np.nan, np.inf, -np.inf], dtype=np.float32))
    assert data == ["NaN", "Infinity", "-Infinity"]
    assert equal(from_json(space, data), np.array([np.nan, np.inf, -np.inf], dtype=np.float32))


@pytest.mark.parametrize(
    ("space", "data"),
    [
        (spaces.Discrete(3), True), (spaces.Discrete(3), "1"), (spaces.Discrete(3), 1.0),
        (spaces.Box(0, 1, (2,)), [1.0]), (spaces.Box(0, 1, (2,)), "text"), (spaces.Box(0, 1, (2,)), [[1], [2, 3]]),
        (spaces.Box(0, 1, (2,)), {"a": 1}), (spaces.MultiBinary(2), [0.5, 1]), (spaces.Text(3), 5),
        (spaces.Tuple([spaces.Discrete(2)]), [0, 1]), (spaces.Dict({"a": spaces.Discrete(2)}), {"b": 1}),
        (spaces.Discrete(3), None), (spaces.Discrete(3), 10**30), (spaces.Box(0, 255, (1,), np.uint8), [10**30]),
        *((space, [number, 0]) for space in (spaces.Box(0, 255, (2,), np.uint8), spaces.MultiBinary(2))
          for number in (256, 257, -255, 300)),
    ],
)  # fmt: skip
def test_data_of_another_form_is_a_value_error(space, data):
    with pytest.raises(ValueError):
        from_json(space, data)


@pytest.mark.parametrize(
    "schema",
    [{}, {"x-gymnasium": {}}, {"x-gymnasium": {"space": "Graph"}}, {"x-gymnasium": {"space": "Box", "dtype": "x"}},
     {"x-gymnasium": {"space": "Text"}, "maxLength": -1, "minLength": 3}, {"x-gymnasium": 3}],
)  # fmt: skip
def test_a_schema_that_describes_no_space_is_a_value_error(schema):
    with pytest.raises(ValueError):
        space_of(schema)


def test_spaces_that_json_cannot_hold_are_refused_by_name():
    with pytest.raises(ConfigurationError, match="Graph spaces cannot be written as JSON"):
        json_schema(spaces.Graph(spaces.Discrete(2), None))


def test_infos_become_plain_data():
    info = {"a": np.float32(0.5), 1: (np.arange(2), float("nan")), "o": object(), "s": {"deep": [None, "x", True]}}
    expected = {"a": 0.5, "1": [[0, 1], "NaN"], "o": "<object>", "s": {"deep": [None, "x", True]}}
    assert plain(info) == expected
    assert json.dumps(plain(info), allow_nan=False)
