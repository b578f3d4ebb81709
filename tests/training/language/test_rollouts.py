"""Rollouts with a real model: tokens are those that were sampled, and log-probabilities those of the model."""

import pytest
from text_worlds import Duel

from quintain.agents.language.chat import ChatAgent
from quintain.errors import CapabilityError, ConfigurationError
from quintain.seeding import SeedStream
from quintain.training.language.rollouts import play_rollouts
from quintain.training.language.sequences import NOT_WRITTEN
from quintain.training.sources import Draw, Matches, Problems, Worlds

GAME = Worlds("CodeReason-v0", {"tasks": "chain_sum", "difficulty": "easy", "max_turns": 2})
#: Another template than the model's own: no system prompt, other separators.
PLAIN = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def _agent(engine):
    return ChatAgent(engine, temperature=1.0, max_tokens=6, extract=False)


def _play(engine, **other):
    return play_rollouts(GAME, _agent(engine), groups=[0], group_size=2, seeds=SeedStream(5, "test"), **other)


@pytest.mark.parametrize("template", [None, PLAIN], ids=["own template", "plain template"])
def test_logprobs_are_those_of_the_model_on_exactly_these_tokens(engine, template, monkeypatch):
    torch = pytest.importorskip("torch")
    if template is not None:
        monkeypatch.setattr(engine._scheduler._codec._tokenizer, "chat_template", template)
    rollouts = _play(engine)
    assert [r.record.item for r in rollouts] == [0, 0]
    for rollout in rollouts:
        for sequence in rollout.sequences:
            ids = torch.tensor([sequence.token_ids])
            with engine.exclusive() as model, torch.no_grad():
                logprobs = model(ids).logits[0].float().log_softmax(-1)
            for at, turn in enumerate(sequence.turns):
                if turn != NOT_WRITTEN:
                    expected = float(logprobs[at - 1, sequence.token_ids[at]])
                    assert sequence.logprobs[at] == pytest.approx(expected, abs=1e-3)


def test_equal_seeds_give_equal_rollouts_and_members_of_a_group_differ(engine):
    first, second = _play(engine), _play(engine)
    assert [r.sequences for r in first] == [r.sequences for r in second]
    assert first[0].record.seed == first[1].record.seed
    assert first[0].sequences != first[1].sequences


def test_problems_come_in_their_order(engine):
    problems = Problems(GAME, [Draw(11), Draw(12)])
    found = play_rollouts(problems, _agent(engine), groups=[1, 2], group_size=1, seeds=SeedStream(0, "test"))
    assert [r.record.seed for r in found] == [12, 11]


def test_an_engine_that_does_not_return_tokens_is_refused():
    with pytest.raises((CapabilityError, ConfigurationError), match="tokens"):
        play_rollouts(GAME, _agent("scripted:<<<1>>>"), groups=[0], group_size=1, seeds=SeedStream(0, "test"))


def test_every_seat_that_learns_has_a_rollout_with_its_own_tokens_and_rewards(engine):
    """Matches that begin alike are a group for each seat; an opponent has none."""
    matches = play_rollouts(Matches(Duel), _agent(engine), groups=[3, 4], group_size=2, seeds=SeedStream(5, "test"))
    assert [(r.group, r.seat) for r in matches] == [(6, "left"), (7, "right")] * 2 + [(8, "left"), (9, "right")] * 2
    for rollout in matches:
        assert len(rollout.rewards) == 2
        assert rollout.total == pytest.approx(rollout.record.returns[rollout.seat])
        first = engine.tokenizer.decode(rollout.sequences[0].token_ids)
        assert f"<user>{rollout.seat[0]}" in first  # what this seat saw
        assert f"<user>{'l' if rollout.seat == 'right' else 'r'}" not in first
    replies = {tuple(step["action"] for step in r.record.steps) for r in matches if r.seat == "left"}
    assert len(replies) == 4  # matches that begin alike have random choices of their own
    alone = play_rollouts(
        Matches(Duel, {"right": lambda observation, info: "z"}), _agent(engine), groups=[3], group_size=2,
        seeds=SeedStream(5, "test"),
    )  # fmt: skip
    assert [(r.group, r.seat) for r in alone] == [(3, "left")] * 2


def test_matches_are_equal_to_the_bit(engine):
    found = []
    for _ in range(2):
        with engine.exclusive():  # drops what it has cached
            pass
        found.append(
            play_rollouts(Matches(Duel), _agent(engine), groups=[0], group_size=4, seeds=SeedStream(5, "test"))
        )
    assert [r.sequences for r in found[0]] == [r.sequences for r in found[1]]


@pytest.mark.parametrize(
    ("opponents", "message"),
    [({"middle": "random"}, "no seat 'middle'"), ({"left": "random", "right": "random"}, "nothing to learn from")],
)
def test_seats_without_a_player_or_a_learner_are_refused(engine, opponents, message):
    with pytest.raises(ConfigurationError, match=message):
        play_rollouts(Matches(Duel, opponents), _agent(engine), groups=[0], group_size=2, seeds=SeedStream(5, "test"))
