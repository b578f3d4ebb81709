"""The loss of token batches, beside values that were computed by hand."""

import math

import numpy as np
import pytest

from quintain.records import EpisodeRecord
from quintain.training.language.rollouts import Rollout
from quintain.training.language.sequences import TokenSequence

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

#: Prompt 1 2; turn 0 writes 3 4; the environment writes 5; turn 1 writes 6.
FIRST = TokenSequence((1, 2, 3, 4, 5, 6), (-1, -1, 0, 0, -1, 1), (0, 0, -1.0, -2.0, 0, -1.5))
#: Prompt 7; turn 0 writes 8.
SECOND = TokenSequence((7, 8), (-1, 0), (0, -0.5))
ADVANTAGES = [np.array([1.0, -2.0]), np.array([0.5])]


def rollouts(outcomes=("success", "failure")):
    made = []
    for sequence, outcome, turns in zip((FIRST, SECOND), outcomes, (2, 1), strict=True):
        record = EpisodeRecord(0, 0, outcome, {"agent": 0.0})
        made.append(Rollout(record, 0, (sequence,), [0.0] * turns, 0.0))
    return made


def batch(made=None, advantages=ADVANTAGES, **options):
    from quintain.training.language.batch import token_batch

    return token_batch(made or rollouts(), advantages, pad_token_id=0, **options)


def test_prompts_are_padded_on_the_left_and_the_rest_on_the_right():
    found = batch()
    assert found["prompt_ids"].tolist() == [[1, 2], [0, 7]]
    assert found["prompt_mask"].tolist() == [[1, 1], [0, 1]]
    assert found["completion_ids"].tolist() == [[3, 4, 5, 6], [8, 0, 0, 0]]
    assert found["completion_mask"].tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]
    assert found["tool_mask"].tolist() == [[1, 1, 0, 1], [1, 0, 0, 0]]
    assert found["advantages"].tolist() == [[1, 1, 0, -2], [0.5, 0, 0, 0]]
    assert found["old_per_token_logps"].tolist() == [[-1, -2, 0, -1.5], [-0.5, 0, 0, 0]]
    assert int(found["num_items_in_batch"]) == 4


def test_without_the_mask_the_environments_tokens_have_the_advantage_of_the_turn_before():
    found = batch(mask_environment=False)
    assert found["tool_mask"].tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]
    assert found["advantages"].tolist() == [[1, 1, 1, -2], [0.5, 0, 0, 0]]


def test_rows_that_are_not_trained_on_fill_a_batch_up():
    found = batch(multiple=4)
    assert found["tool_mask"].sum(1).tolist() == [3, 1, 0, 0]
    assert found["completion_mask"].sum(1).tolist() == [4, 1, 1, 1]  # a model cannot compute an empty row
    assert batch(rollouts(("error", "error")), multiple=2)["tool_mask"].sum() == 0


class FixedLogprobs:
    """A trainer whose log-probabilities are a leaf tensor, so that their gradient can be read."""

    def __new__(cls, loss_type, logprobs, beta=0.0):
        from types import SimpleNamespace

        from quintain.training.language.grpo_trainer import RolloutTrainer

        class Trainer(RolloutTrainer):
            def __init__(self):
                self.loss_type, self.beta, self.epsilon_low, self.epsilon_high = loss_type, beta, 0.2, 0.2
                self.importance_sampling_level, self.top_entropy_quantile = "token", 1.0
                self.off_policy_mask_threshold, self.use_vllm, self.aux_loss_enabled = None, False, False
                self._entropy_bonus_enabled, self.max_completion_length = False, 10
                self.current_gradient_accumulation_steps = 1
                self.args = SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1)
                self.model = SimpleNamespace(training=True)
                self.accelerator = SimpleNamespace(
                    num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x, sync_gradients=True
                )
                from collections import defaultdict

                self._metrics = {"train": defaultdict(list)}

            def _get_per_token_logps_and_entropies(self, *_, **__):
                return logprobs, torch.zeros_like(logprobs), None

        return Trainer()


def loss_and_gradient(found, loss_type, shift, beta=0.0, reference=None):
    logprobs = (found["old_per_token_logps"] + torch.tensor(shift)).requires_grad_()
    if reference is not None:
        found = found | {"ref_per_token_logps": logprobs.detach() + torch.tensor(reference)}
    loss = FixedLogprobs(loss_type, logprobs, beta)._compute_loss(None, found)
    loss.backward()
    return float(loss.detach()), logprobs.grad


def test_the_loss_of_two_sequences_by_hand():
    # Ratios 1.1, 0.5 (advantage 1: not clipped from below), 1.5 (advantage -2: not clipped from above); 1.5 with
    # advantage 0.5 is clipped to 1.2. Mean of the means by sequence.
    shift = [[math.log(1.1), math.log(0.5), 3.0, math.log(1.5)], [math.log(1.5), 1.0, 1.0, 1.0]]
    loss, gradient = loss_and_gradient(batch(), "grpo", shift)
    first, second = -(1.1 + 0.5 - 2 * 1.5) / 3, -0.5 * 1.2
    assert loss == pytest.approx((first + second) / 2, abs=1e-6)
    expected = [[-1.1 / 6, -0.5 / 6, 0, 3 / 6], [0, 0, 0, 0]]
    assert gradient.flatten().tolist() == pytest.approx(np.array(expected).flatten().tolist(), abs=1e-6)


@pytest.mark.parametrize("loss_type", ["grpo", "dapo", "dr_grpo", "bnpo"])
def test_the_gradient_on_what_the_environment_wrote_is_exactly_zero(loss_type):
    _, gradient = loss_and_gradient(batch(multiple=4), loss_type, [[0.1] * 4] * 4, beta=0.5, reference=[[0.3] * 4] * 4)
    masked = batch(multiple=4)["tool_mask"] == 0
    assert torch.all(gradient[masked] == 0)
    assert torch.all(gradient[~masked] != 0)


def test_dapo_and_dr_grpo_average_over_tokens_and_over_the_maximum_length():
    zero = [[0.0] * 4] * 2
    assert loss_and_gradient(batch(), "dapo", zero)[0] == pytest.approx(-(1 + 1 - 2 + 0.5) / 4)
    assert loss_and_gradient(batch(), "dr_grpo", zero)[0] == pytest.approx(-(1 + 1 - 2 + 0.5) / (2 * 10))


@pytest.mark.parametrize("loss_type", ["grpo", "dapo", "dr_grpo", "bnpo"])
def test_a_failed_episode_changes_neither_loss_nor_gradient(loss_type):
    alone = loss_and_gradient(batch(), loss_type, [[0.1] * 4] * 2)
    failed = Rollout(EpisodeRecord(0, 0, "error", {}), 0, (SECOND,), [0.0], 0.0)
    with_failures = batch([*rollouts(), failed, failed], [*ADVANTAGES, np.array([9.0]), np.array([9.0])], multiple=4)
    loss, gradient = loss_and_gradient(with_failures, loss_type, [[0.1] * 4] * 4)
    assert loss == pytest.approx(alone[0], abs=1e-7)
    assert torch.allclose(gradient[:2], alone[1], atol=1e-7)
    assert torch.all(gradient[2:] == 0)


def test_the_divergence_is_the_unbiased_estimate_of_the_start_policys():
    # exp(d) - d - 1 with d = 0.3 on each token that the policy wrote; ratios are 1.
    loss, _ = loss_and_gradient(batch(), "grpo", [[0.0] * 4] * 2, beta=0.5, reference=[[0.3] * 4] * 2)
    divergence = math.exp(0.3) - 0.3 - 1
    without = (-(1 + 1 - 2) / 3 - 0.5) / 2
    assert loss == pytest.approx(without + 0.5 * divergence, abs=1e-6)
