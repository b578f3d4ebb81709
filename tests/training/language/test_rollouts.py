"""Rollouts with a real model: tokens are those that were sampled, and log-probabilities those of the model."""

import pytest

from quintain.agents.language.chat import ChatAgent
from quintain.errors import CapabilityError, ConfigurationError
from quintain.seeding import SeedStream
from quintain.training.language.rollouts import play_rollouts
from quintain.training.language.sequences import NOT_WRITTEN
from quintain.training.sources import Draw, Problems, Worlds

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
