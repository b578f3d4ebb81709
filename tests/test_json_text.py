"""Exact JSON round-trips all numbers and is strict JSON."""

import copy
import json
import math

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.evaluation.rollout import make_env
from quintain.json_text import from_exact_json, to_exact_json, to_json
from quintain.records import EpisodeRecord, read_episodes


def strict(text):
    """Parse JSON strictly: NaN and infinities are errors."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def back(value):
    text = to_exact_json({"x": value})
    strict(text)
    return from_exact_json(text)["x"]


FLOATS = [0.0, -0.0, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("dtype", [float, np.float16, np.float32, np.float64, np.longdouble])
def test_every_float_round_trips(dtype):
    with np.errstate(all="ignore"):
        values = [dtype(x) for x in FLOATS]
        right = np.array([float(x) for x in values])
    for given in (values, tuple(values), np.array(values)):
        found = back({"a": given})["a"]
        assert repr(found) == repr(right.tolist())
        assert list(map(repr, map(back, given))) == list(map(repr, right.tolist()))


@pytest.mark.parametrize("code", "bhilqBHILQ")
def test_every_integer_round_trips(code):
    dtype = np.dtype(code)
    bounds = np.iinfo(dtype)
    for value in (bounds.min, bounds.max):
        for shape in (dtype.type(value), np.array([value], dtype), np.array([[value]], dtype)):
            found = np.asarray(back(shape), dtype)
            assert found.tolist() == np.asarray(shape).tolist()


BIG = [2**53 + 1, -(2**64), 10**600, 10**5000, -(10**5000)]


@pytest.mark.parametrize("value", [*BIG, True, np.bool_(False), None], ids=lambda value: type(value).__name__)
def test_big_integers_booleans_and_none_round_trip(value):
    found = back([value])
    assert found == [value]
    assert isinstance(found[0], (bool, type(None))) == isinstance(value, (bool, np.bool_, type(None)))


def test_special_numbers_are_distinguished_from_text_and_none():
    data = {"a/b": {"~": [math.inf, None, "Infinity", "NaN", {"non_json": [["/a", "NaN"]]}]}, "": -math.inf}
    assert from_exact_json(to_exact_json(data)) == data


def test_objects_without_json_form_become_text():
    data = {"when": np.datetime64("2026-01-02T03:04:05.000000006"), "days": np.array(["2026-01-02"], "datetime64[D]")}
    found = back(data)
    assert found == {"when": "2026-01-02T03:04:05.000000006", "days": ["2026-01-02"]}
    assert np.complex128(back(np.complex64(1 - 2j))) == 1 - 2j


def test_plain_json_has_null_for_non_finite_numbers():
    assert to_json({"x": [math.inf, np.float32(np.nan)], "n": 1}) == '{"x":[null,null],"n":1}'
    assert to_json([10**5000]) == "[null]"


@pytest.mark.parametrize("listed", ["7", '["/x/9","NaN"]', '[["/x/9","NaN"]]', '[["/y/0","NaN"]]', '[["/x/0","much"]]'])
def test_an_invalid_list_of_special_numbers_is_a_damaged_line(listed):
    with pytest.raises(ValueError, match="non_json"):
        from_exact_json(f'{{"x":[null],"non_json":{listed}}}')


class Lidar(gym.Env):
    """Sees infinities, not-a-numbers, signed zeros and small steps, in all parts of observation and info."""

    DATA = (np.inf, -np.inf, np.nan, -0.0, 0.1)
    observation_space = spaces.Dict(
        {
            "half": spaces.Box(-np.inf, np.inf, (5,), np.float16),
            "scan": spaces.Tuple([spaces.Box(-np.inf, np.inf, (5,), np.float32)] * 2),
            "count": spaces.Box(0, 2**63 - 1, (1,), np.int64),
        }
    )
    action_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)

    def _seen(self):
        scan = np.array(self.DATA, np.float32)
        return {"half": scan.astype(np.float16), "scan": (scan, -scan), "count": np.array([2**62 + 1], np.int64)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action):
        info = {
            "gap": np.float32(np.inf),
            "none": None,
            "reward_terms": {"a": 1.0, "b": -0.0},
            "metrics": {"m": -math.inf},
        }
        return self._seen(), 1.0, True, False, info


gym.register("Lidar-v0", entry_point=Lidar)


def test_a_run_in_its_folder_equals_the_run_in_memory(tmp_path):
    report = quintain.evaluate("Lidar-v0", "random", episodes=2, out=tmp_path / "run", progress=False)
    for line in (tmp_path / "run" / "episodes.jsonl").read_text().splitlines():
        strict(line)
    for stored, held in zip(read_episodes(tmp_path / "run"), report.episodes, strict=True):
        for a, b in (
            (stored.steps[0]["observation"], held.steps[0]["observation"]),
            (stored.final_observation, held.final_observation),
        ):
            for found, right in (
                (a["half"], b["half"]),
                (a["scan"][0], b["scan"][0]),
                (a["scan"][1], b["scan"][1]),
                (a["count"], b["count"]),
            ):
                assert repr(np.asarray(found, right.dtype)) == repr(right)
        assert (stored.info["gap"], stored.info["none"], stored.info["metrics"]) == (math.inf, None, {"m": -math.inf})
        assert repr(stored.reward_terms) == repr(held.reward_terms)
        again = EpisodeRecord.from_line(copy.deepcopy(stored).to_line())
        assert repr(again) == repr(stored)


def test_infinite_actions_are_replayed_unchanged(tmp_path):
    quintain.evaluate("Lidar-v0", lambda o: np.array([-np.inf], np.float32), episodes=1, out=tmp_path, progress=False)
    (first,) = quintain.rescore(tmp_path).after.episodes
    assert np.asarray(first.steps[0]["action"]).tolist() == [-math.inf]


def test_infinite_environment_arguments_round_trip_through_the_manifest(tmp_path):
    quintain.evaluate("Limited-v0", "random", episodes=1, env_kwargs={"limit": math.inf}, out=tmp_path, progress=False)
    config = quintain.evaluation.Report.load(tmp_path).manifest["config"]
    assert make_env(config["env"], config["env_kwargs"]).unwrapped.limit == math.inf


class Limited(Lidar):
    def __init__(self, limit=0.0):
        self.limit = limit


gym.register("Limited-v0", entry_point=Limited)
