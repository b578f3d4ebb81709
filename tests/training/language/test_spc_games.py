"""SPC with scripted replies: games are judged, learned from by both seats, and kept by a training that is resumed."""

import asyncio
import re

import pytest
from text_worlds import weights

from quintain.agents.language.chat import ChatAgent
from quintain.engines import ScriptedEngine
from quintain.engines.engine import Reply
from quintain.engines.transformers_engine import TransformersEngine
from quintain.envs.critique import critic_observation
from quintain.training.language.policy import as_policy
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.spc import SPCSettings, StepCritic, train_spc
from quintain.training.language.spc_loop import CriticGame
from quintain.training.sources import Matches
from quintain.training.trained import Trained

CORRECT, INCORRECT = "<Answer>Correct</Answer>", "<Answer>Incorrect</Answer>"
GAMES = 20
SETTINGS = SPCSettings(
    iterations=2, steps=1, lessons=2, games=GAMES, eval_steps=2, max_completion_length=64, batch_size=4,
    optimizer=OptimizerSettings(learning_rate=2e-3),
)  # fmt: skip


def corruption(text):
    """Return what the generator writes: an error in two of three games."""
    shown, result = text.rpartition("Last step: ")[2].split("=")
    return f"type: 2\nplan: off\nstep: {shown}={int(result) + int(result) % 3}"


def verdict(text):
    """Return what the critic writes, by the last digit of the step; not always a verdict."""
    digit = int(text[-1])
    return "well" if digit < 3 else INCORRECT if digit % 2 else CORRECT


class Script:
    """Replies in place of those of every engine, and for each of the critic's games its weights and what it reads."""

    def __init__(self):
        self.critic, self.asked = None, []

    async def generate(self, engine, requests):
        found = []
        for request in requests:
            text = request.messages[-1]["content"]
            written = verdict(text) if engine is self.critic else corruption(text)
            prompt, ids = engine.encode_turn(request, written)
            if engine is self.critic and request.temperature:  # measurements are greedy
                self.asked.append((float(next(engine.model.parameters()).detach().sum()), text))
            found.append([
                Reply(
                    text=written, finish_reason="stop", prompt_tokens=len(prompt), completion_tokens=len(ids),
                    token_ids=tuple(ids), logprobs=(-1.0,) * len(ids), prompt_token_ids=tuple(prompt),
                )
            ])  # fmt: skip
        return found


@pytest.fixture
def script(monkeypatch):
    made = Script()

    async def one(engine, requests):
        return await made.generate(engine, requests)

    async def each(engine, batches):
        return [await made.generate(engine, requests) for requests in batches]

    monkeypatch.setattr(TransformersEngine, "_generate", one)
    monkeypatch.setattr(TransformersEngine, "_generate_each", each)
    return made


@pytest.fixture
def learned(monkeypatch):
    """The games that a seat learned from, in order of the phases."""
    found, learn = {"sneaky": [], "critic": []}, CriticGame._learn

    def spy(self, seat, games, row):
        found[seat].append(games[:])
        return learn(self, seat, games, row)

    monkeypatch.setattr(CriticGame, "_learn", spy)
    return found


def train(script, engine, folder, **options):
    script.critic = engine
    source = Matches("Critique-v0", {}, {"rules": False, "max_steps": 2})
    return train_spc(as_policy(engine, 64), source, SETTINGS, seed=3, out=folder, **options)


def is_wrong(text):
    """Return whether the step that the critic reads is an error: the script changes results alone."""
    first, sign, second, result = re.search(r"Last step: (\d+)([+-])(\d+)=(\d+)$", text).groups()
    return int(first) + int(sign + second) != int(result)


def share(values):
    return sum(values) / len(values)


def test_the_games_of_each_round_are_counted_and_learned_from_in_balance(fresh, tmp_path, script, learned):
    ends = [0]

    def count(row):
        if "valid" in row:
            ends.append(len(script.asked))

    trained = train(script, fresh(), tmp_path, on_log=count)
    assert trained.facts["rules"] is False
    rows = [row for row in trained.curve if "valid" in row]
    old = script.asked[0][0]
    balance = judged = 0
    for number, row in enumerate(rows, start=1):
        asked = script.asked[ends[number - 1] : ends[number]]
        wrong = [(critic, verdict(text)) for critic, text in asked if is_wrong(text)]
        right = [(critic, verdict(text)) for critic, text in asked if not is_wrong(text)]
        assert len(right) == GAMES / 2
        assert row["valid"] == len(wrong) / (GAMES / 2)
        (last,) = {critic for critic, _ in right}  # right steps are judged by the last critic alone
        assert (last == old) == (number == 1)
        by_critic = {"win/critic-0": old} if number == 1 else {"win/critic-0": old, "win/critic-1": last}
        assert {name for name in row if name.startswith("win/")} == set(by_critic)
        for name, weight in by_critic.items():
            assert row[name] == share([said == CORRECT for critic, said in wrong if critic == weight])
        kinds = [sum(said != "well" for _, said in kind) for kind in (wrong, right)]
        balance += 2 * min(kinds)
        judged += sum(kinds)
        assert row["games/critic"] == balance
        games = learned["critic"][number - 1]
        assert {(game.round, game.error) for game in games} == {
            (played, error) for played in range(1, number + 1) for error in (True, False)
        }
        invalid = GAMES / 2 - len(wrong)
        assert row["games/sneaky"] == len(learned["sneaky"][number - 1])
        new = [game.reward for game in learned["sneaky"][number - 1] if game.round == number]
        assert new.count(-1.0) == invalid + sum(said == INCORRECT for _, said in wrong)
        assert new.count(1.0) == sum(said == CORRECT for _, said in wrong)
    assert 0 < balance < judged  # there was something to balance


def test_a_resumed_training_has_the_games_of_earlier_rounds(fresh, tmp_path, script, learned):
    engine = fresh()
    whole = train(script, engine, tmp_path / "whole")

    def kill(row):
        if row["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(script, fresh(), tmp_path / "parts", on_log=kill)
    again = fresh()
    resumed = train(script, again, tmp_path / "parts", resume=True)
    assert resumed.curve == whole.curve
    assert [learned[seat][1] == learned[seat][-1] for seat in learned] == [True, True]
    assert {game.round for game in learned["critic"][-1]} == {1, 2}
    assert all((weights(engine)[name] == value).all() for name, value in weights(again).items())


@pytest.mark.parametrize(("facts", "rules"), [({"rules": False}, False), ({"rules": True}, True), (None, True)])
def test_a_critic_of_steps_is_asked_as_it_was_trained_and_about_the_whole_problem(facts, rules):
    asked = []

    def judge(request):
        asked.append(request.messages[-1]["content"])
        return INCORRECT

    agent = ChatAgent(ScriptedEngine(judge), "")
    trained = agent if facts is None else Trained(agent, facts)
    question = "Two numbers:\n3 and 4.\nAdd them."
    assert asyncio.run(StepCritic(trained)(question, "", "3+4=8")).right is False
    last = StepCritic(trained, rules=not rules, problem=lambda text: text.splitlines()[-1])
    assert asyncio.run(last(question, "", "3+4=8")).right is False
    assert StepCritic(trained).describe() == {**trained.describe(), "rules": rules}  # which critics are told apart by
    assert asked == [
        critic_observation(question, "", "3+4=8", rules=rules),
        critic_observation("Add them.", "", "3+4=8", rules=not rules),
    ]
