"""The search for a reward: rounds, critic, resumption, evidence, the page; in a small world of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from quintain.engines.scripted import ScriptedEngine
from quintain.errors import ConfigurationError, RecordError
from quintain.experiments.kinds import write_run_page
from quintain.experiments.reward_clips import record_reward_clips
from quintain.reward_signature import Columns, RewardInput, RewardSignature, Target, to_columns
from quintain.rewards.designer import EngineDesigner, EngineReviewer, PatternAnalyzer, Roles, make_roles
from quintain.sandbox.reward_file import load_reward
from quintain.sandbox.reward_program import RewardProgram
from quintain.seeding import SeedStream
from quintain.training.control.bonus import RandomNetworkDistillation, SelfImitation
from quintain.training.control.reward_evidence import collect_evidence
from quintain.training.control.reward_worlds import RewardWorlds, make_training_env
from quintain.training.control.settings import PPOSettings
from quintain.training.control.train_rewarded import TrainingPlan, evaluate_rewarded, train_rewarded
from quintain.training.reward_search import SearchSettings, search_reward

GOAL, PIT = 6.0, -3.0
ID = "RewardLine-v0"


class LineWorld(gym.Env[Any, Any]):
    """Walk to the goal at +6; the pit at -3 kills."""

    metadata = {"render_modes": ["rgb_array"]}
    reward_signature = RewardSignature(
        "walk to the flag, without falling into the pit",
        (
            RewardInput("near", "places", "offset of what is near, in steps", ("flag", "pit")),
            RewardInput("goal_reached", "flag", "at the flag"),
            RewardInput("is_dead", "flag", "in the pit"),
        ),
        failure="is_dead",
        targets=(Target("near", "flag"),),
        hazards=(("near", "pit"),),
        max_steps=20,
    )

    def __init__(self, render_mode: str | None = None) -> None:
        self.observation_space = gym.spaces.Box(-10, 10, (1,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self.render_mode = render_mode
        self.place = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.place = float(self.np_random.integers(-1, 2))
        return np.array([self.place], np.float32), {}

    def step(self, action: Any) -> Any:
        self.place += 1.0 if action == 1 else -1.0
        success, dead = self.place >= GOAL, self.place <= PIT
        info = {"success": success, "death_cause": "pit" if dead else ""}
        return np.array([self.place], np.float32), float(success), success or dead, False, info

    def reward_inputs(self) -> Columns:
        """Return what is near."""
        places = {"flag": GOAL - self.place, "pit": PIT - self.place}
        near = {name: (gap, 0.0, 0.0) for name, gap in places.items() if abs(gap) <= 8}
        row = {"near": near, "goal_reached": self.place >= GOAL, "is_dead": self.place <= PIT}
        return to_columns([row], self.reward_signature)

    def render(self) -> Any:
        frame = np.full((40, 120, 3), 255, np.uint8)
        frame[10:30, int(10 * (self.place + 4)) : int(10 * (self.place + 4)) + 8] = 0
        return frame


if ID not in gym.registry:
    gym.register(ID, LineWorld, max_episode_steps=20)
PPO = PPOSettings(n_envs=8, n_steps=32, batch_size=64, n_epochs=4, learning_rate=3e-3, gamma=0.95, net_arch=(16,))
PLAN = TrainingPlan(env=ID, steps=1024, ppo=PPO, eval_episodes=24)
SIGNATURE = LineWorld.reward_signature
HEAD = f"def {SIGNATURE.header}:\n"
GOOD = (
    HEAD
    + "    gap = near['flag'][0] if 'flag' in near else 99.0\n"
    + (
        "    best = memory.get('best', gap)\n    memory['best'] = min(best, gap)\n"
        "    danger = 'pit' in near and near['pit'][0] > -2\n"
        "    return (-1 if is_dead else int(goal_reached)), int(gap < best) - 9 * danger\n"
    )
)
LOOPING = HEAD + (
    "    gap = near['flag'][0] if 'flag' in near else 99.0\n"
    "    before = memory.get('gap', gap)\n    memory['gap'] = gap\n"
    "    return (-1 if is_dead else int(goal_reached)), int(gap < before)\n"
)


def worlds(reward: Any, n: int = 2) -> RewardWorlds:
    return RewardWorlds(make_training_env(ID, {}, n), SeedStream(3), reward)


def test_worlds_pay_signs_and_restart_episodes():
    with worlds(RewardProgram(GOOD, SIGNATURE)) as two:
        first = two.reset()
        right = two.step(np.array([1, 0]))
        assert right.dense.tolist() == [0.0, -1.0 if first[1, 0] - 1 < -1 else 0.0]  # no record at the first step
        again = two.step(np.array([1, 1]))
        assert again.rewards[0] == pytest.approx(0.1)
        while not (step := two.step(np.array([1, 1]))).done[0]:
            pass
        assert step.success[0]
        assert step.terminated[0]
        assert step.rewards[0] == pytest.approx(1.1)
        assert step.last[0, 0] == GOAL
        assert abs(step.observations[0, 0]) <= 1  # of the next episode


def test_sparse_rewards_are_signs_of_the_outcome():
    with worlds("sparse") as two:
        two.reset()
        while not (step := two.step(np.array([0, 1]))).done[0]:
            pass
        assert step.rewards[0] == -1.0
        assert step.causes[0] == "pit"
    with pytest.raises(ConfigurationError, match="must be 'sparse'"):
        worlds("dense")


class SilentWorld(LineWorld):
    """The same, without info; it also ends, without death, at +3."""

    def step(self, action: Any) -> Any:
        observation, reward, ended, _, _ = super().step(action)
        return observation, reward, ended or self.place == 3, False, {}


class NamelessWorld(SilentWorld):
    """It declares neither success nor death."""

    reward_signature = RewardSignature("walk", LineWorld.reward_signature.inputs, success="done")


@pytest.fixture
def silent() -> Any:
    ids = {"Silent-v0": SilentWorld, "Nameless-v0": NamelessWorld}
    for name, kind in ids.items():
        gym.register(name, kind, max_episode_steps=20)
    yield
    for name in ids:
        gym.registry.pop(name)


def test_success_and_death_are_the_declared_flags_where_info_is_silent(silent: None):
    with RewardWorlds(make_training_env("Silent-v0", {}, 2), SeedStream(3), "sparse") as two:
        two.reset()
        while not (step := two.step(np.array([0, 1]))).done.any():
            pass
        seen = {}
        for _ in range(20):
            for row in np.flatnonzero(step.done).tolist():
                seen[float(step.last[row, 0])] = (bool(step.success[row]), bool(step.dead[row]), step.rewards[row])
            two.vector.envs[1].unwrapped.place += 2.0 * (two.vector.envs[1].unwrapped.place == 2)
            step = two.step(np.array([0, 1]))
    assert seen[PIT] == (False, True, -1.0)
    assert seen[3.0] == (False, False, 0.0)
    assert seen[GOAL] == (True, False, 1.0)


def test_an_environment_that_never_tells_success_is_refused(silent: None):
    with RewardWorlds(make_training_env("Nameless-v0", {}, 1), SeedStream(3), "env") as one:
        one.reset()
        with pytest.raises(ConfigurationError, match=r"return info\['success'\].*flag 'done'"):
            one.step(np.array([1]))


def test_evidence_tells_outcomes_and_what_was_paid_for():
    turns = iter(range(10**6))

    def back_and_forth(observations: Any) -> Any:
        return np.full(len(observations), next(turns) % 2)

    stream = SeedStream(3)
    with worlds(RewardProgram(LOOPING, SIGNATURE)) as two:
        evidence, episodes = collect_evidence(two, back_and_forth, [stream[0], stream[1], stream[2]], ("left", "right"))
    assert evidence.success == 0.0
    assert evidence.deaths <= 1 / 3
    longest = max((each.trajectory for each in episodes if each.trajectory), key=lambda each: each.steps)
    assert (longest.outcome, longest.steps, len(longest.inputs)) == ("failure", 20, 16)
    assert longest.paid >= 9
    assert longest.unearned >= longest.paid - 1
    assert set(longest.actions) == {"left", "right"}


def test_a_designed_reward_teaches_and_evaluation_is_reproducible():
    trained = train_rewarded(PLAN, RewardProgram(GOOD, SIGNATURE), 0)
    assert trained.counts["ok"] == 1024
    assert [row["step"] for row in trained.curve] == [256, 512, 768, 1024]
    first, _ = evaluate_rewarded(PLAN, trained, "sparse", 0)
    assert first == evaluate_rewarded(PLAN, trained, "sparse", 0)[0]
    assert first.success >= 0.7


def test_bonuses_train_beside_ppo():
    short = TrainingPlan(env=ID, steps=256, ppo=PPO, norm_obs=True, eval_episodes=8)
    for bonus in (RandomNetworkDistillation(1, 0), SelfImitation(8)):
        assert len(train_rewarded(short, "sparse", 0, bonus=bonus).curve) == 1


def roles(*replies: str) -> Roles:
    engine = ScriptedEngine([f"```python\n{reply}```" for reply in replies])
    return Roles(EngineDesigner(engine, "script"), PatternAnalyzer(), None, "script")


def test_rounds_are_recorded_resumed_and_shown(tmp_path: Path):
    settings = SearchSettings(plan=TrainingPlan(env=ID, steps=256, ppo=PPO, eval_episodes=8), rounds=2)
    out = tmp_path / "run"
    found = search_reward(settings, roles("def nothing(): ...", LOOPING, GOOD), out=out, progress=False)
    assert [each.source for each in found] == [LOOPING, GOOD]
    assert [(draft["stage"]) for draft in found[0].rejected] == ["signature"]
    assert load_reward(out / "reward.py").facts["designer"] == "script"
    (out / "rounds" / "1" / "round.json").unlink()
    again = search_reward(settings, roles(GOOD), out=out, resume=True, progress=False)
    assert json.dumps(again[0].evidence) == json.dumps(found[0].evidence)
    assert again[1].curve == found[1].curve
    with pytest.raises(RecordError, match="already holds"):
        search_reward(settings, roles(GOOD), out=out, progress=False)
    pytest.importorskip("jinja2")
    for each in again:
        assert all(clip.file for clip in record_reward_clips(ID, {}, each, out))
    page = write_run_page(out).read_text(encoding="utf-8")
    for part in (
        "Round 1",
        "data:image/webp",
        "stopped at signature",
        "near[&#39;flag&#39;]",
        "offline pattern analyzer",
    ):
        assert part in page, part


def test_a_function_that_stays_the_same_is_not_trained_again(tmp_path: Path):
    settings = SearchSettings(plan=TrainingPlan(env=ID, steps=256, ppo=PPO, eval_episodes=8), rounds=3)
    found = search_reward(settings, roles(LOOPING, GOOD, GOOD), out=tmp_path / "run", progress=False)
    assert [each.source for each in found] == [LOOPING, GOOD]
    assert write_run_page(tmp_path / "run").exists()


def test_a_search_without_an_accepted_draft_says_why():
    settings = SearchSettings(plan=PLAN)
    with pytest.raises(ConfigurationError, match=r"rejected all 3 drafts of script.*syntax.*--designer template"):
        search_reward(settings, roles("nonsense ("), progress=False)


TINY = TrainingPlan(env=ID, steps=256, ppo=PPO, eval_episodes=8)


def test_a_finished_search_is_extended_and_nothing_else_changes(tmp_path: Path):
    first = search_reward(SearchSettings(plan=TINY, rounds=1), roles(LOOPING), out=tmp_path, progress=False)
    more = SearchSettings(plan=TINY, rounds=2, target=0.9)
    found = search_reward(more, roles(GOOD), out=tmp_path, resume=True, progress=False)
    assert [each.source for each in found] == [first[0].source, GOOD]
    with pytest.raises(RecordError, match=r"drafts"):
        search_reward(replace(more, drafts=5), roles(GOOD), out=tmp_path, resume=True, progress=False)


def test_a_review_alone_stops_no_search():
    reviewer = EngineReviewer(ScriptedEngine(lambda request: "OBJECTION: too plain"))
    with_review = replace(roles("nonsense (", LOOPING, GOOD), reviewer=reviewer)
    (found,) = search_reward(SearchSettings(plan=TINY, rounds=1), with_review, progress=False)
    assert found.source == GOOD
    assert [(each["stage"], each["source"] == GOOD) for each in found.rejected] == [
        ("parse", False), ("review", False), ("review", True)
    ]  # fmt: skip
    assert found.rejected[-1]["objections"] == "too plain"


def test_a_recorded_transcript_is_not_resumed(tmp_path: Path):
    replayed = replace(roles(GOOD), name="transcript:log.jsonl")
    with pytest.raises(ConfigurationError, match="cannot be resumed"):
        search_reward(SearchSettings(plan=TINY), replayed, out=tmp_path, resume=True, progress=False)


def test_the_template_designer_drives_the_loop(tmp_path: Path):
    settings = SearchSettings(plan=TrainingPlan(env=ID, steps=256, ppo=PPO, eval_episodes=8), rounds=1)
    (found,) = search_reward(settings, make_roles("template"), progress=False)
    assert "near['flag']" in found.source
    assert "no language model" in found.label
    with pytest.raises(ConfigurationError, match="declares no inputs"):
        search_reward(SearchSettings(plan=TrainingPlan(env="CartPole-v1")), make_roles("template"), progress=False)
