"""SPC: the loss by hand, its clip geometry, balanced games, and lessons that the game accepts."""

import math
import re
from collections import defaultdict

import numpy as np
import pytest
import torch
from text_worlds import weights

from quintain.engines import make_engine
from quintain.envs.critique import Critique, is_error, read_corruption, read_judgement
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream
from quintain.training.language.critique_lessons import critic_lesson, natural_steps, sneaky_lesson
from quintain.training.language.nano import make_nano
from quintain.training.language.sequences import TokenSequence
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.spc import SPCSettings, train_spc
from quintain.training.language.spc_loop import Played, balanced
from quintain.training.language.spc_loss import mean_logprobs, spc_loss
from quintain.training.sources import Matches, Worlds

GAME = Matches("Critique-v0", {}, {"rules": False})
ONE = TokenSequence((1, 2), (-1, 0), (0.0, 0.0))


def loss(ratio, reward, **options):
    """Return loss and gradient of one game of a reply of two tokens with this ratio to its reference."""
    logprobs = torch.full((1, 2), -1.0, requires_grad=True)
    columns = {"reward": torch.tensor([reward]), "reference": torch.tensor([-1.0 - math.log(ratio)])}
    found = spc_loss(logprobs, torch.ones(1, 2), columns, **options)
    found.backward()
    return float(found), float(logprobs.grad.sum())


@pytest.mark.parametrize(
    ("reward", "ratio", "value", "moves"),
    [
        (1.0, 1.0, -1.0, True),
        (1.0, 1.1, -1.1, True),
        (1.0, 1.5, -1.2, False),  # won, and likely enough
        (1.0, 0.5, -0.5, True),  # not clipped
        (-1.0, 1.0, 1.0, True),
        (-1.0, 0.5, 0.8, False),  # lost, and unlikely enough
        (-1.0, 1.5, 1.5, True),  # not clipped
    ],
)
def test_the_clip_stops_what_has_gone_far_enough_and_nothing_else(reward, ratio, value, moves):
    found, gradient = loss(ratio, reward)
    assert found == pytest.approx(value)
    assert (gradient != 0) == moves
    assert gradient == pytest.approx(-reward * ratio if moves else 0.0)


def test_games_and_lessons_are_means_of_their_own():
    logprobs = torch.tensor([[-1.0, -3.0], [-2.0, 0.0], [-4.0, -4.0]])
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert mean_logprobs(logprobs, mask).tolist() == [-2.0, -2.0, -4.0]
    columns = {"reward": torch.tensor([1.0, 0.0, 0.0]), "reference": torch.tensor([-2.0, 0.0, 0.0])}
    assert float(spc_loss(logprobs, mask, columns)) == pytest.approx(-1 + 0.15 * 3)
    lessons = {"reward": torch.zeros(3), "reference": torch.zeros(3)}
    assert float(spc_loss(logprobs, mask, lessons, sft_weight=1.0)) == pytest.approx(8 / 3)


def test_the_divergence_lowers_the_advantage():
    ratio = 1.1
    assert loss(ratio, 1.0, kl_weight=0.1)[0] == pytest.approx(-ratio * (1 - 0.1 * math.log(ratio)))


def test_as_many_right_steps_as_wrong_ones_are_learned():
    first = [Played(ONE, 1.0, True, 1)] * 2 + [Played(ONE, -1.0, False, 1)] * 5
    second = [Played(ONE, float(k), True, 2) for k in range(5)] + [Played(ONE, 1.0, False, 2)] * 3
    rng = np.random.default_rng(0)
    found = [(game.round, game.error) for game in balanced([*first, *second], rng)]
    assert found == [(1, True)] * 2 + [(1, False)] * 2 + [(2, True)] * 3 + [(2, False)] * 3
    assert balanced(second[:5], rng) == []
    drawn = [{game.reward for game in balanced(second, rng) if game.error} for _ in range(20)]
    assert set().union(*drawn) == {0.0, 1.0, 2.0, 3.0, 4.0}  # a sample, not the first


def test_lessons_are_what_the_game_accepts():
    rng, verdicts = np.random.default_rng(0), []
    for seed in range(40):
        game = Critique(rules=False, right_share=0.0)
        game.reset(seed=seed)
        corruption = read_corruption(sneaky_lesson(game, rng).reply)
        assert corruption is not None
        assert is_error(game.solution, game.number, corruption.step)
        game = Critique(rules=False, right_share=1.0)
        game.reset(seed=seed)
        lesson = critic_lesson(game, rng)
        verdicts.append(read_judgement(lesson.reply))
        step = lesson.observation.rpartition("Last step: ")[2]
        assert is_error(game.solution, game.number, step) is not verdicts[-1]
    assert 10 < sum(verdicts) < 30


def test_natural_errors_are_errors_and_half_of_the_steps():
    game = Critique(rules=False, right_share=1.0)
    seeds = SeedStream(0, "test")
    steps = natural_steps(game, 60, seeds)
    assert steps == natural_steps(game, 60, seeds)
    assert steps != natural_steps(game, 60, SeedStream(1, "test"))
    for k, step in enumerate(steps):
        game.reset(seed=seeds.child("game")[k])
        assert is_error(game.solution, game.number, step.observation.rpartition("Last step: ")[2]) is step.error


def test_whether_a_step_has_an_error_says_nothing_about_its_problem():
    labels = defaultdict(list)
    game = Critique(rules=False, right_share=1.0)
    for step in natural_steps(game, 600, SeedStream(0, "test")):
        problem = step.observation.split("\n")[0].removeprefix("Problem: ")
        start, *terms = re.findall(r"\d+", problem)
        number = 0 if "nothing yet" in step.observation else step.observation.count("\n") - 2
        for name, value in (("terms", len(terms)), ("start", int(start) // 10), ("step", number)):
            labels[name, value].append(step.error)
    assert {len(labels["terms", n]) > 100 for n in (2, 3, 4)} == {True}
    for values in labels.values():  # of n fair labels, the mean is within 3.5 standard deviations
        assert abs(np.mean(values) - 0.5) < 3.5 * 0.5 / math.sqrt(len(values))


def test_both_seats_are_trained_and_measured(fresh, tmp_path):
    engine = fresh()
    before = weights(engine)
    settings = SPCSettings(
        iterations=1, steps=1, lessons=4, games=4, eval_steps=4, max_completion_length=3, batch_size=4,
        optimizer=OptimizerSettings(learning_rate=2e-3),
    )  # fmt: skip
    trained = train_spc(engine, GAME, settings, out=tmp_path)
    assert [row["step"] for row in trained.curve] == [1, 1, 2, 2]
    assert trained.curve[2]["valid"] == 0.0  # an untrained model writes no step
    assert trained.curve[2]["games/sneaky"] == 2.0
    assert trained.curve[2]["games/critic"] == 0.0  # which nothing is shown, and which says nothing
    assert trained.curve[3]["eval/valid"] == 0.0
    assert any((before[name] != value).any() for name, value in weights(engine).items())
    assert (tmp_path / "model").exists()
    assert (tmp_path / "sneaky" / "config.json").exists()


def test_a_context_window_without_room_for_a_lesson_is_named(tmp_path):
    engine = make_engine("transformers", model=str(make_nano(tmp_path, "0.1M", context=256)))
    with pytest.raises(ConfigurationError, match="none of the 4 lessons of sneaky fits the model's context window"):
        train_spc(engine, Matches("Critique-v0"), SPCSettings(lessons=4))
    engine.close()


def test_another_game_and_settings_that_cannot_work_are_refused(engine):
    for source in (Worlds("CodeReason-v0"), Matches("RepeatedGame-v0"), Matches("Critique-v0", {"critic": "random"})):
        with pytest.raises(ConfigurationError, match="both seats"):
            train_spc(engine, source)
    with pytest.raises(ConfigurationError, match="eval_steps"):
        train_spc(engine, GAME, SPCSettings(eval_every=1))
    for changes in ({"games": 0}, {"epsilon": 0.0}, {"sft_weight": -1}, {"opponents": 0}, {"right_steps": 2}):
        with pytest.raises(ConfigurationError):
            SPCSettings(**changes)
