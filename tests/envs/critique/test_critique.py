"""Critique-v0: validity, zero-sum rewards, right steps, and texts that cannot be read."""

import numpy as np
import pettingzoo
import pytest

import quintain
from quintain.envs.critique import (
    Corruption,
    Judgement,
    Solution,
    critic_metrics,
    draw_solution,
    is_error,
    read_corruption,
    read_judgement,
    rollout_test,
)
from quintain.errors import ConfigurationError, UnknownNameError

SUM = Solution(12, (7, -5))
RIGHT, WRONG = "fine\n<Answer>Correct</Answer>", "no\n<Answer>Incorrect</Answer>"


def make(seed=0, **arguments):
    game = pettingzoo.make("aec", "Critique-v0", **arguments)
    game.reset(seed=seed)
    return game


def corrupted(game, error=1):
    """Return a corruption of the game's step by so much."""
    shown, result = game.solution.step(game.number).split("=")
    return f"type: 2\nplan: a bit off\nstep: {shown}={int(result) + error}"


def ends(game):
    """Step through the ends of all seats; return their returns and infos."""
    found = {seat: (game._cumulative_rewards[seat], game.infos[seat]) for seat in game.agents}
    while game.agents:
        game.step(None)
    return found


def test_solutions_by_hand():
    assert (SUM.problem, SUM.step(0), SUM.step(1)) == ("12+7-5=", "12+7=19", "19-5=14")
    drawn = [draw_solution(np.random.default_rng(seed)) for seed in range(200)]
    assert all(s.total(k) >= 0 for s in drawn for k in range(len(s.terms) + 1))
    assert {len(s.terms) for s in drawn} == {2, 3, 4}


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("19-5=14", False), ("19-5=13", True), ("12-5=7", True), ("20-6=14", False), ("19-5=014", False),
        ("19-5=-14", True), ("19-5=14 ", None), ("19-5=", None), ("", None), ("19-5=14=14", None),
        ("19-5=9999999", None), ("١٩-٥=١٣", None), ("__import__('os')=1", None),
    ],
)  # fmt: skip
def test_the_checker_knows_what_leads_away_from_the_result(step, error):
    assert is_error(SUM, 1, step) is error


def test_rollouts_agree_with_the_checker_but_for_slips():
    rng = np.random.default_rng(0)
    assert rollout_test(SUM, 0, "12+7=18", rng, slip=0.0)
    assert not rollout_test(SUM, 0, "12+7=19", rng, slip=0.0)
    assert not rollout_test(SUM, 0, "no step", rng)
    assert not rollout_test(SUM, 0, "12+7=18", rng, slip=1.0)  # a solver that fails in any case shows nothing
    drawn = [(draw_solution(rng), int(rng.choice((-1, 1, 10)))) for _ in range(200)]
    agree = [rollout_test(s, 0, f"{s.step(0).split('=')[0]}={s.total(1) + error}", rng) for s, error in drawn]
    assert 0.8 < np.mean(agree) < 1


@pytest.mark.parametrize(
    "text",
    [
        "", "19-5=13", "step: 19-5=13", "type: 2", "type: 6\nstep: 19-5=13", "type: 2\nstep: 19-5=13\nand more",
        "type: 2\ntype: 3\nstep: 19-5=13", "type: 2\nstep: 1\nstep: 19-5=13", "a type: 2\nstep: 19-5=13",
    ],
)  # fmt: skip
def test_a_corruption_has_one_type_and_one_step_at_its_end(text):
    assert read_corruption(text) is None
    assert read_corruption("type: 2\nplan: off\nstep: 19-5=13\n") == Corruption(2, "19-5=13")


def test_the_first_tag_is_the_verdict():
    assert read_judgement("<answer> incorrect </answer> <Answer>Correct</Answer>") is False
    assert [read_judgement(t) for t in ("", "Correct", "<Answer>Right</Answer>", "<Answer>Correct")] == [None] * 4


def test_metrics_of_a_critic_by_hand():
    told = [(True, False), (True, False), (True, True), (False, True), (False, False), (False, None)]
    found = critic_metrics([Judgement(*pair) for pair in told])
    assert found == {
        "correct": 0.5, "erroneous": pytest.approx(2 / 3), "balanced": pytest.approx(7 / 12),
        "harmonic": pytest.approx(4 / 7), "valid": pytest.approx(5 / 6),
    }  # fmt: skip
    assert critic_metrics([Judgement(True, True), Judgement(False, False)])["harmonic"] == 0.0
    assert np.isnan(critic_metrics([Judgement(False, True)])["balanced"])


@pytest.mark.parametrize(("verdict", "critic"), [(WRONG, 1.0), (RIGHT, -1.0), ("?", 0.0)])
def test_a_wrong_step_is_zero_sum(verdict, critic):
    game = make(right_share=0.0)
    assert game.observe("critic") == ""
    game.step(corrupted(game))
    assert game.agent_selection == "critic"
    assert "Last step: " in game.observe("critic")
    assert "a bit off" not in game.observe("critic")
    game.step(verdict)
    found = ends(game)
    assert (found["critic"][0], found["sneaky"][0]) == (critic, -critic)
    assert found["sneaky"][1]["success"] == (critic < 0)
    assert found["critic"][1]["parse_error"] == (verdict == "?")


@pytest.mark.parametrize("error", [0, None])
def test_what_is_no_error_is_never_shown_to_the_critic(error):
    game = make(right_share=0.0)
    game.step("nonsense" if error is None else corrupted(game, error))
    found = ends(game)
    assert (found["critic"][0], found["sneaky"][0]) == (0.0, -1.0)
    assert found["sneaky"][1]["parse_error"] == (error is None)
    assert found["sneaky"][1]["invalid_action"] == (error is not None)
    assert game.observe("critic") == ""


@pytest.mark.parametrize(("verdict", "critic"), [(RIGHT, 1.0), (WRONG, -1.0), ("", 0.0)])
def test_a_right_step_is_the_critics_alone(verdict, critic):
    game = make(right_share=1.0)
    assert game.agents == ["critic"]
    game.step(verdict)
    assert ends(game)["critic"][0] == critic


def test_half_of_the_steps_are_right_and_equal_seeds_are_equal_episodes():
    kinds = [tuple(make(seed).agents) for seed in range(60)]
    assert 15 < kinds.count(("critic",)) < 45
    assert [make(seed).observe("critic") for seed in range(9)] == [make(seed).observe("critic") for seed in range(9)]


def test_it_passes_the_checks_of_the_package_and_is_played():
    passed = " ".join(quintain.check("Critique-v0").passed)
    assert "same seed same match" in passed
    assert "hostile actions are outcomes" in passed
    always = {"sneaky": lambda observation: "type: 2\nstep: 1+1=3", "critic": lambda observation: WRONG}
    report = quintain.play("Critique-v0", always, episodes=20, seed=1, progress=False)
    returns = [episode.returns for episode in report.episodes]
    assert {r["critic"] for r in returns} == {1.0, -1.0}
    assert all(r["sneaky"] == (0.0 if r["critic"] < 0 else -1.0) for r in returns)


@pytest.mark.parametrize("action", [5, None, b"<Answer>Correct</Answer>", object(), RIGHT + "." * 4000])
def test_what_is_no_text_of_the_space_is_an_invalid_action(action):
    game = make(right_share=1.0, render_mode="ansi")
    game.step(action)
    reward, info = ends(game)["critic"]
    assert (reward, info["invalid_action"], info["parse_error"], info["success"]) == (0.0, True, False, False)
    assert info["metrics"] == {"error": 0.0}
    assert isinstance(game.render(), str)
    game = make(right_share=0.0)
    game.step(action)
    found = ends(game)
    assert (found["critic"][0], found["sneaky"][0]) == (0.0, -1.0)
    assert (found["sneaky"][1]["invalid_action"], found["sneaky"][1]["parse_error"]) == (True, False)
    assert found["sneaky"][1]["reward_terms"] == {"judgement": 0.0, "corruption": -1.0}


def test_infos_name_the_task_and_the_terms_of_the_reward():
    hashes = {make(seed, right_share=0.0).infos["critic"]["task_hash"] for seed in range(9)}
    assert len(hashes) == 9
    assert make(0, right_share=0.0).infos["sneaky"]["task_hash"] in hashes
    game = make(right_share=0.0)
    before = game.infos["critic"]
    game.step(corrupted(game))
    game.step(RIGHT)
    found = ends(game)
    assert {seat: info["reward_terms"] for seat, (_, info) in found.items()} == {
        "sneaky": {"judgement": 1.0, "corruption": 0.0}, "critic": {"judgement": -1.0, "corruption": 0.0}
    }  # fmt: skip
    assert before["reward_terms"] == {"judgement": 0.0, "corruption": 0.0}  # new objects in each step
    assert before["metrics"] == {}


def test_the_longest_solutions_can_be_read():
    longest = Solution(9999, (9999,) * 99)
    assert is_error(longest, 98, longest.step(98)) is False
    game = make(3, min_steps=99, max_steps=99, max_number=9999, right_share=0.0)
    assert all(is_error(game.solution, k, game.solution.step(k)) is False for k in range(99))
    game._show("critic", game.solution.step(98))
    game.number = 98
    game._show("sneaky", game.solution.step(98))
    assert len(game.observe("sneaky")) <= 4000


def test_arguments_that_cannot_work_are_refused():
    for arguments in (
        {"min_steps": 0},
        {"max_steps": 1},
        {"max_steps": 100},
        {"max_number": 10**4},
        {"right_share": 2},
        {"rules": 3},
    ):
        with pytest.raises(ConfigurationError):
            make(**arguments)
    with pytest.raises(UnknownNameError, match="validity"):
        make(validity="oracle")
