"""A critic's advantages beside values that were computed by hand, and what it learns."""

import numpy as np
import pytest
from text_worlds import SayLetter

from quintain.errors import ConfigurationError
from quintain.records import EpisodeRecord
from quintain.training.language.critic_settings import CriticSettings
from quintain.training.language.grpo import train_grpo
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.rollouts import Rollout
from quintain.training.language.sequences import TokenSequence
from quintain.training.language.settings import OptimizerSettings
from quintain.training.sources import Worlds

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

#: Prompt 1 2; turn 0 writes 3 4; the environment writes 5; turn 1 writes 6.
TWO_TURNS = TokenSequence((1, 2, 3, 4, 5, 6), (-1, -1, 0, 0, -1, 1), (0, 0, -1.0, -2.0, 0, -1.5))
#: Prompt 7; turn 2 writes 8 (the history was cut, so a new sequence began).
CUT = TokenSequence((7, 8), (-1, 2), (0, -0.5))
VALUES = torch.tensor([[0.5, 0.25, 9.0, 1.0], [0.75, 9.0, 9.0, 9.0]])


def rollout(sequences, rewards, rest=0.0, outcome="success"):
    return Rollout(EpisodeRecord(0, 0, outcome, {"agent": 0.0}), 0, tuple(sequences), rewards, rest)


def found(rollouts, values=VALUES, mask_environment=True, **options):
    from quintain.training.language.batch import token_batch
    from quintain.training.language.critic import estimates

    turns = [np.zeros(len(each.rewards)) for each in rollouts]
    batch = token_batch(rollouts, turns, pad_token_id=0, mask_environment=mask_environment)
    return estimates(rollouts, batch, values[: len(batch["prompt_ids"])], **options)


def test_with_lambda_one_an_advantage_is_the_reward_to_come_less_the_value():
    made = found([rollout([TWO_TURNS], [1.0, 3.0])])
    assert made.advantages.tolist() == [[3.5, 3.75, 0, 2.0]]
    assert made.returns.tolist() == [[4.0, 4.0, 0, 3.0]]


def test_with_lambda_zero_it_is_the_difference_of_neighbours():
    made = found([rollout([TWO_TURNS], [1.0, 3.0])], gae_lambda=0.0, gamma=0.5)
    # 0.25 - 0.5; 1 + 0.5 * 1 - 0.25, for the next token belongs to the next turn; 3 - 1
    assert made.advantages.tolist() == [[-0.25, 1.25, 0, 2.0]]


def test_lambda_and_gamma_between():
    made = found([rollout([TWO_TURNS], [1.0, 3.0])], gae_lambda=0.5, gamma=0.5)
    # 2; 1.25 + 0.5 * 0.5 * 2 = 1.75; -0.25 + 0.5 * 1.75 = 0.625
    assert made.advantages.tolist() == [[0.625, 1.75, 0, 2.0]]


def test_an_episode_goes_on_in_its_next_sequence_and_a_turn_without_tokens_is_rewarded_before():
    whole = rollout([TWO_TURNS, CUT], [0.0, 1.0, 2.0, 4.0], rest=8.0)
    made = found([rollout([CUT], [5.0], outcome="error"), whole], gamma=0.5)
    # Turn 2 ends with 2, turn 3 (which wrote nothing) with 4, and 8 belong to no turn.
    assert made.returns.tolist() == [[4.0, 4.0, 0, 8.0], [14.0, 0, 0, 0]]


def test_without_the_mask_the_environments_tokens_have_values_and_advantages_too():
    made = found([rollout([TWO_TURNS], [1.0, 3.0])], mask_environment=False)
    assert made.returns.tolist() == [[4.0, 4.0, 4.0, 3.0]]  # turn 0 ends after what the environment wrote
    assert made.advantages[0, 2] == -5.0


def test_a_critic_begins_at_zero_and_learns_the_returns(fresh):
    from quintain.training.language.batch import token_batch
    from quintain.training.language.critic import Critic

    engine = fresh()
    critic = Critic(engine.model, CriticSettings(learning_rate=3e-3, epochs=60))
    before = {name: value.clone() for name, value in engine.model.state_dict().items()}
    episodes = [rollout([TWO_TURNS], [1.0, 3.0]), rollout([CUT], [0.0, 0.0, -2.0])]
    batch = token_batch(episodes, [np.zeros(2), np.zeros(3)], pad_token_id=0)
    assert not critic.values(batch).any()
    returns = torch.tensor([[4.0, 4.0, 0, 3.0], [-2.0, 0, 0, 0]])
    metrics = critic.fit(batch, returns, torch.Generator().manual_seed(0))
    assert set(metrics) == {"critic/loss"}
    trained = (batch["tool_mask"] * batch["completion_mask"]).bool()
    assert (critic.values(batch) - returns)[trained].abs().max() < 0.3
    assert all(torch.equal(value, before[name]) for name, value in engine.model.state_dict().items())


def test_the_same_episodes_in_other_rows_have_the_same_values(fresh):
    """Padding on either side changes nothing."""
    from quintain.training.language.batch import token_batch
    from quintain.training.language.critic import Critic

    critic = Critic(fresh().model, CriticSettings())
    torch.nn.init.normal_(critic._head.weight)
    alone = token_batch([rollout([CUT], [0.0] * 3)], [np.zeros(3)], pad_token_id=0)
    beside = token_batch(
        [rollout([TWO_TURNS], [0.0] * 2), rollout([CUT], [0.0] * 3)], [np.zeros(2), np.zeros(3)], pad_token_id=0
    )
    assert float(critic.values(alone)[0, 0]) == pytest.approx(float(critic.values(beside)[1, 0]), abs=1e-5)


def test_ppo_learns_what_the_environment_rewards(fresh):
    settings = GRPOSettings(
        iterations=8, num_prompts=64, num_generations=1, steps_per_generation=4, max_completion_length=3, save_every=0,
        baseline="critic", credit="turn", scale="batch", optimizer=OptimizerSettings(learning_rate=2e-3),
        critic=CriticSettings(learning_rate=3e-3, epochs=4, batch_size=16),
    )  # fmt: skip
    rows = train_grpo(fresh(), Worlds(SayLetter, {"turns": 2}), settings, seed=1).curve
    assert rows[-1]["reward"] > rows[0]["reward"] + 0.4
    assert rows[-1]["critic/explained_variance"] > 0.1 > rows[0]["critic/explained_variance"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"baseline": "critic"}, "credit='turn'"),
        ({"baseline": "critic", "credit": "turn"}, "'batch' or 'none'"),
        ({"critic": CriticSettings()}, "baseline='critic'"),
        ({"critic": {"epochs": 2}}, "must be CriticSettings"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, match):
    with pytest.raises(ConfigurationError, match=match):
        GRPOSettings(**changes)
