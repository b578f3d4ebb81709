import pytest
from toy_envs import Coin, Parity, Sum

import quintain
from quintain.agents import make_agent
from quintain.agents.scripted import ScriptedAgent
from quintain.engines import ScriptedEngine
from quintain.errors import ConfigurationError
from quintain.records import read_episodes, read_manifest
from quintain.training.language.curriculum import (
    SeedOffsetAgent,
    group_of,
    measure_potential,
    potential_of,
    read_potential,
)


def test_solve_rate_groups_equal_the_papers():
    """With 20 answers: 4-16 right, {3, 17}, {2, 18}, {0, 1, 19, 20}."""
    groups = {k: group_of(potential_of(k / 20)) for k in range(21)}
    expected = {**dict.fromkeys(range(4, 17), 1), 3: 2, 17: 2, 2: 3, 18: 3, **dict.fromkeys((0, 1, 19, 20), 4)}
    assert groups == expected
    with pytest.raises(ValueError, match="p must be"):
        potential_of(1.2)


def test_every_agent_answers_every_item_several_times(tmp_path):
    agents = {"right": Parity(), "coin": Coin(), "zero": ScriptedAgent([0], cycle=True)}
    table = measure_potential("Sum-v0", agents, items=12, answers=4, out=tmp_path, env_kwargs={})
    assert [item.answers for item in table] == [12] * 12
    assert all(item.by_agent["right"] == (4, 4) for item in table)
    assert all(item.by_agent["zero"] in ((0, 4), (4, 4)) for item in table)  # one item, four equal answers
    assert len({item.by_agent["coin"][0] for item in table}) > 1  # independent random answers
    assert table[3].p == table[3].right / 12
    assert table[3].potential == pytest.approx(4 * table[3].p * (1 - table[3].p))
    again = measure_potential("Sum-v0", agents, items=12, answers=4, out=tmp_path, env_kwargs={}, resume=True)
    assert again == table


class Dice:
    """Remembers the seeds that its actors were given."""

    def __init__(self):
        self.seeds = []

    def begin(self, seat):
        self.seeds.append(seat.seed)
        return Coin().begin(seat)


def test_repeated_answers_have_dice_of_their_own():
    dice = [Dice() for _ in range(3)]
    for number, agent in enumerate(dice):
        quintain.evaluate("Sum-v0", SeedOffsetAgent(agent, number), episodes=4, concurrency=1)
    seeds = [seed for agent in dice for seed in agent.seeds]
    assert len(set(seeds)) == len(seeds) == 12
    again = Dice()
    quintain.evaluate("Sum-v0", SeedOffsetAgent(again, 1), episodes=4, concurrency=1)
    assert again.seeds == dice[1].seeds
    # One item and a coin, which has to fall right three times in a row: one in eight.
    (item,) = measure_potential("Sum-v0", {"coin": Coin()}, items=1, answers=40)
    assert 0 < item.right < 15


@pytest.mark.parametrize(
    ("right", "answers", "potential", "group"),
    [(1, 2, 1.0, 1), (1, 5, 0.64, 1), (3, 20, 0.51, 2), (2, 20, 0.36, 3), (1, 20, 0.19, 4), (0, 5, 0.0, 4)],
)
def test_the_potential_is_that_by_hand(right, answers, potential, group):
    assert potential_of(right / answers) == pytest.approx(potential)
    assert group_of(potential_of(right / answers)) == group


def test_curriculum_stages_can_be_read_by_a_trainer(tmp_path):
    table = measure_potential("Sum-v0", {"right": Parity(), "coin": Coin()}, items=20, answers=2, out=tmp_path)
    stages = [read_potential(tmp_path, stage) for stage in (1, 2, 3, 4)]
    assert [len(s) for s in stages] == sorted(len(s) for s in stages)
    assert {i.seed for i in stages[3]} == {i.seed for i in table}
    assert all(i.group <= 2 for i in stages[1])
    assert stages[3] == sorted(stages[3], key=lambda i: -i.potential)


def test_errors_do_not_count_as_answers():
    def sometimes(observation):
        if observation.sum() > 9:
            raise RuntimeError("down")
        return int(observation.sum()) % 2

    table = measure_potential("Sum-v0", {"a": sometimes}, items=20, answers=2)
    assert 0 < len(table) < 20  # an item without any answer has no potential
    assert {(item.answers, item.right) for item in table} == {(2, 2)}


def test_items_are_identified_by_any_answer_without_error():
    failures = iter([RuntimeError("down")])

    class Flaky(Sum):
        def reset(self, **kwargs):
            for failure in failures:
                raise failure
            return super().reset(**kwargs)

        def step(self, action):
            *rest, info = super().step(action)
            return (*rest, {**info, "task_id": "sum/7", "task": "sum"})

    (item,) = measure_potential(Flaky, {"first": Parity(), "second": Parity()}, items=1, answers=1)
    assert (item.task_id, item.task) == ("sum/7", "sum")
    assert item.by_agent == {"first": (0, 0), "second": (1, 1)}


def test_environments_without_success_are_refused():
    with pytest.raises(ConfigurationError, match="reports no success"):
        measure_potential("CartPole-v1", {"random": "random"}, items=2, answers=1)
    with pytest.raises(ConfigurationError, match="expected agents and answers >= 1"):
        measure_potential("Sum-v0", {}, items=2)


def test_answers_have_their_temperatures_and_agents_their_environments(tmp_path):
    asked = []

    def serve(request):
        asked.append((request.temperature, "write one Python program" in request.messages[1]["content"]))
        return "```python\nprint('<<<1>>>')\n```" if asked[-1][1] else "<<<1>>>"

    engine = ScriptedEngine(serve)
    engine.capabilities -= {"stop_string", "prefill"}  # whole turns
    agents = {name: {"name": name, "engine": engine} for name in ("all-text", "all-code")} | {"right": "oracle"}
    run = {"items": 1, "answers": 3, "temperatures": [0.25, 1.0], "env_kwargs": {"tasks": "letters"}}
    (item,) = measure_potential("CodeReason-v0", agents, out=tmp_path, **run)
    assert asked == [(t, code) for code in (False, True) for t in (0.25, 1.0, 0.25)]
    assert item.by_agent == {"all-text": (0, 3), "all-code": (0, 3), "right": (3, 3)}
    settings = [read_manifest(tmp_path / "runs" / f"{name}-0")["config"]["env_kwargs"] for name in agents]
    assert settings == [{"tasks": "letters", "code": False}, {"tasks": "letters"}, {"tasks": "letters"}]
    assert len({e.info["task_hash"] for name in agents for e in read_episodes(tmp_path / "runs" / f"{name}-1")}) == 1
    with pytest.raises(ConfigurationError, match="is made already"):
        measure_potential("CodeReason-v0", {"a": make_agent("all-text", engine=engine)}, **run)
    with pytest.raises(ConfigurationError, match="requires code=True"):
        measure_potential("CodeReason-v0", agents, **run | {"env_kwargs": {"tasks": "letters", "code": False}})
