"""Task graphs, executions, noise, aggregation, released files, and Procedure-v0."""

import json
import math

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.procedures import (
    MISTAKES,
    DetectionCounts,
    FrameSettings,
    FrameSource,
    Noise,
    Procedure,
    Transcript,
    WorldSettings,
    centred_modes,
    deduplicate,
    load_context,
    load_predictions,
    make_world,
    perform,
    perform_wrongly,
    sliding_modes,
    step_similarity,
    window_modes,
)
from quintain.envs.procedures.env import ProcedureEnv
from quintain.errors import ConfigurationError, UnknownNameError

TEA = Procedure("tea", {"boil": (), "cup": (), "bag": ("cup",), "pour": ("boil", "bag")})


def test_admissible_steps_and_faults():
    assert TEA.admissible([]) == ("boil", "cup")
    assert TEA.admissible(["cup", "boil"]) == ("bag",)
    assert [TEA.fault(step, ["cup"]) for step in ("bag", "pour", "cup", "milk")] == [
        None, "order", "repetition", "foreign",
    ]  # fmt: skip


def test_cycles_and_unknown_prerequisites_are_refused():
    with pytest.raises(ConfigurationError, match="cycle"):
        Procedure("loop", {"a": ("b",), "b": ("a",)})
    with pytest.raises(ConfigurationError, match="no step"):
        Procedure("gap", {"a": ("b",)})


def test_correct_executions_are_linear_extensions():
    world = make_world()
    for name, known in world.context.items():
        for execution in known:
            assert sorted(execution.steps) == sorted(world.procedures[name].steps)
            for place, step in enumerate(execution.steps):
                assert world.procedures[name].fault(step, execution.steps[:place]) is None
    assert {perform(TEA, np.random.default_rng(seed)).steps[0] for seed in range(20)} == {"boil", "cup"}


@pytest.mark.parametrize("kind", MISTAKES)
def test_the_first_wrong_step_is_where_the_transcript_says(kind):
    world, rng = make_world(), np.random.default_rng(0)
    for procedure in world.procedures.values():
        made = perform_wrongly(procedure, kind, world.vocabulary, rng)
        faults = [procedure.fault(step, made.steps[:place]) for place, step in enumerate(made.steps)]
        assert next(place for place, fault in enumerate(faults) if fault) == made.mistake
        assert made.trimmed().steps == made.steps[: made.mistake + 1]
        if kind == "correction":
            assert set(made.steps) >= set(procedure.steps)
        else:
            assert faults[made.mistake] == {"omission": "order"}.get(kind, kind)


def test_a_correct_transcript_is_not_trimmed():
    made = perform(TEA, np.random.default_rng(0))
    assert made.trimmed() is made
    with pytest.raises(UnknownNameError, match="did you mean 'order'"):
        perform_wrongly(TEA, "ordre", [], np.random.default_rng(0))


def test_noise_has_its_rates_and_keeps_the_last_step():
    steps, rng = ["a", "b", "c"] * 200, np.random.default_rng(0)
    vocabulary = list("abcdefgh")
    assert Noise().recognised(steps, vocabulary, rng) == tuple(steps)
    changed = Noise(substitution=0.5).recognised(steps, vocabulary, rng)
    assert 0.4 < np.mean([a != b for a, b in zip(steps, changed, strict=True)]) < 0.6
    assert Noise(deletion=1.0).recognised(steps, vocabulary, rng) == ("c",)
    assert len(Noise(insertion=1.0).recognised(steps, vocabulary, rng)) == 1200


def test_encodings_are_bijections():
    world = make_world()
    for encoding in ("word", "index", "symbol"):
        assert len({world.encode(label, encoding) for label in world.vocabulary}) == 60
    with pytest.raises(ConfigurationError):
        WorldSettings(vocabulary=12)


def test_scores_of_hand_computed_counts():
    found = DetectionCounts(tp=3, fp=2, tn=6, fn=1)
    assert (found.precision, found.recall, found.f1) == (0.6, 0.75, pytest.approx(2 / 3))
    assert found.balanced_precision == pytest.approx(3 / (3 + 2 * 4 / 8))
    assert found.balanced_f1 == pytest.approx(0.75)
    always = DetectionCounts(tp=27, fp=73)
    assert always.balanced_precision == 0.5
    assert always.balanced_f1 == pytest.approx(2 / 3)
    assert DetectionCounts(fn=2, tn=3).balanced_f1 == DetectionCounts(fn=2, tn=3).f1 == 0.0
    assert math.isnan(DetectionCounts(tn=3).recall)
    assert DetectionCounts.pooled([{"tp": 1, "fp": 0, "tn": 2, "fn": 0}] * 2) == DetectionCounts(2, 0, 4, 0)


def test_windows_take_the_mode_of_each_part_and_of_the_tail():
    frames = [1] * 150 + [2] * 50 + [2] * 200 + [3] * 30 + [1] * 20
    assert window_modes(frames) == [1, 2, 3]
    assert window_modes([5, 5, 5], window=200) == [5]
    assert window_modes([]) == sliding_modes([]) == centred_modes([]) == deduplicate([]) == []


def test_sliding_windows_end_at_their_frame_or_surround_it():
    assert sliding_modes([0, 1, 0, 0, 2, 2, 2], window=3) == [0, 2]
    assert centred_modes([0, 1, 0, 0, 2, 2, 2], window=3) == [0, 2]
    assert sliding_modes([1, 0], window=1) == centred_modes([1, 0], window=1) == [1, 0]
    with pytest.raises(ValueError, match="integers >= 0"):
        window_modes([-1])


def test_step_similarity_is_one_minus_a_relative_edit_distance():
    assert step_similarity([1, 2, 3], [1, 2, 3]) == step_similarity([], []) == 1.0
    assert step_similarity([1, 2, 3, 4], [1, 3, 4]) == 0.75
    assert step_similarity([], [1]) == 0.0


def test_frames_follow_the_steps():
    source = FrameSource(4, FrameSettings(features=3, mean_frames=20, noise=0.1), np.random.default_rng(0))
    video = source.film([2, 0, 2], np.random.default_rng(1))
    assert deduplicate(video.labels) == [2, 0, 2]
    assert video.features.shape == (len(video.labels), 3)
    first, between = video.features[video.labels == 2].mean(axis=0), video.features[video.labels == 0].mean(axis=0)
    assert np.abs(first - between).max() > 0.5


def test_released_files_are_loaded(tmp_path):
    context, predictions = tmp_path / "context.json", tmp_path / "predictions.json"
    context.write_text(json.dumps({"toy": {"v1": {"num": [3, 5], "alpha": ["a", "b"]}}}))
    predictions.write_text(json.dumps({"v2": {"pred": [3, 5, 5], "gt": [3, 4]}}))
    assert load_context(context) == {"toy": [["3", "5"]]}
    assert load_context(context, "alpha") == {"toy": [["a", "b"]]}
    blocks = "Type: x\nInput:\n -1, 3, 5\nNext:\n 4\n---\nType: x\nInput:\n -1, 5\nNext:\n 4\n---\n"
    context.write_text(json.dumps({"toy": {"num": blocks}}))
    assert load_context(context) == {"toy": [["3", "5", "4"], ["5", "4"]]}
    (video,) = load_predictions(predictions)
    assert (video.name, video.recognised, video.truth) == ("v2", ("3", "5", "5"), ("3", "4"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"v": 3}', '{"v": {"pred": [], "gt": [1]}}', '{"v": {"pred": [1]}}'])
def test_damaged_released_files_are_refused(tmp_path, text):
    file = tmp_path / "released.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError):
        load_predictions(file)


def test_an_episode_ends_at_the_first_mistake():
    env = gym.make("Procedure-v0", mistakes=["foreign"]).unwrapped
    seen, info = env.reset(seed=1)
    assert f"Procedure: {info['procedure']}" in seen
    assert seen.count("Correct: ") == len(info["context"][info["procedure"]]) == 10
    rewards, ended = [], False
    while not ended:
        step, answer = info["steps"][-1], env.solution()
        seen, reward, ended, _, info = env.step(answer)
        rewards.append(reward)
        assert (step in info["admissible"]) == (answer == "ok")
    assert rewards == [0.0] * (len(rewards) - 1) + [1.0]
    assert info["success"]
    assert info["task"] == "foreign"
    assert info["metrics"] == {"tp": 1, "fp": 0, "tn": len(rewards) - 1, "fn": 0, "steps": len(rewards)}


def infos_before_the_end(kind, monkeypatch):
    steps = ("cup", "boil", "bag", "bag")
    made = Transcript("tea", steps, 3 if kind else None, kind)
    monkeypatch.setattr("quintain.envs.procedures.env.perform", lambda *_: made)
    monkeypatch.setattr("quintain.envs.procedures.env.perform_wrongly", lambda *_: made)
    env = ProcedureEnv(correct_share=0.0 if kind else 1.0)
    infos = [env.reset(seed=0)[1]]
    while not (step := env.step("ok"))[2]:
        infos.append(step[4])
    return infos, step[4]


@pytest.mark.parametrize("kind", ["repetition", "order"])
def test_no_info_before_the_last_tells_whether_there_will_be_a_mistake(kind, monkeypatch):
    wrong, end = infos_before_the_end(kind, monkeypatch)
    right, right_end = infos_before_the_end("", monkeypatch)
    assert len(wrong) == 4
    assert wrong == right
    assert (end["task"], right_end["task"]) == (kind, "none")


def test_answers_are_read_and_malformed_ones_are_wrong():
    env = gym.make("Procedure-v0", correct_share=1.0, mistakes=[]).unwrapped
    env.reset(seed=0)
    assert env.step("OK.")[1] == 0.0
    assert env.step("mistake\nexpected: a, b, b")[1] == -1.0
    _, reward, _, _, info = env.step("I think it is ok")
    assert reward == -1.0
    assert info["parse_error"]
    ended = False
    while not ended:
        *_, ended, _, info = env.step(" ok\nexpected: ")
    assert info["task"] == "none"
    assert (info["metrics"]["fp"], info["metrics"]["tp"]) == (2, 0)
    assert info["metrics"]["set_size"] < 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoding": "emoji"}, {"mistakes": ["slow"]}, {"mistakes": []}, {"correct_share": 2}, {"world_seed": -1},
        {"vocabulary": 5}, {"deletion": 1.5},
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises((ConfigurationError, UnknownNameError)):
        gym.make("Procedure-v0", **wrong)


def test_the_environment_keeps_the_contract():
    assert quintain.check("Procedure-v0", {"procedures": 3, "context": 2}).passed
