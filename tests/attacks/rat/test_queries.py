"""Which comparisons RAT's teacher is asked, when the reward's fit stops, and what the baselines learn from."""

from dataclasses import replace

import numpy as np
import pytest
from point_env import HALF, NORMALISER, Point, make, victim

from quintain.attacks.rat import RATSettings, baseline, preferences
from quintain.attacks.rat.baseline import _LearnedReward
from quintain.attacks.rat.preferences import RewardEnsemble, query_teacher
from quintain.attacks.rat.replay_buffer import ReplayBuffer
from quintain.errors import EnvironmentFault

SETTINGS = RATSettings(
    hidden_size=4, ensemble_size=2, segment_length=3, queries_per_round=4, max_labels=9, max_reward_epochs=7
)


class Scripted:
    """A reward ensemble whose members disagree by the first entry of the first segment."""

    def __init__(self):
        self.pairs, self.asked = [], []

    def __len__(self):
        return len(self.pairs)

    def disagreement(self, first, second):
        self.asked.append(float(first[0, 0]))
        return float(first[0, 0])

    def add(self, first, second, label):
        self.pairs.append((float(first[0, 0]), float(second[0, 0]), label))

    def fit(self):
        return 0.25


class Numbered:
    """A buffer whose n-th segment begins with n; its return is minus n."""

    def __init__(self, missing=()):
        self.drawn, self.missing = 0, missing

    def segment(self, length, rng):
        self.drawn += 1
        if self.drawn in self.missing:
            return None
        return np.full((length, 2), float(self.drawn)), -float(self.drawn)


def test_even_rounds_ask_about_the_first_pair_and_odd_ones_about_the_most_disputed_of_five():
    rewards, buffer = Scripted(), Numbered()
    assert query_teacher(buffer, rewards, SETTINGS, 0, None) == 0.25
    assert rewards.pairs == [(1, 2, 1.0), (3, 4, 1.0), (5, 6, 1.0), (7, 8, 1.0)]
    assert rewards.asked == []
    query_teacher(buffer, rewards, SETTINGS, 1, None)
    assert rewards.pairs[4:] == [(17 + 10 * i, 18 + 10 * i, 1.0) for i in range(4)]
    assert rewards.asked == [9 + 2 * i for i in range(20)]
    query_teacher(buffer, rewards, SETTINGS, 2, None)
    assert len(rewards) == 9  # the limit of the whole training
    assert query_teacher(buffer, rewards, SETTINGS, 3, None) == 0.25
    assert len(rewards) == 9


def test_pairs_without_two_segments_are_not_asked_about():
    rewards = Scripted()
    query_teacher(Numbered(missing=(1, 4)), rewards, SETTINGS, 0, None)
    assert rewards.pairs == [(5, 6, 1.0), (7, 8, 1.0)]
    assert np.isnan(query_teacher(Numbered(missing=range(99)), Scripted(), SETTINGS, 0, None))


def ensemble(**changes):
    return RewardEnsemble(2, replace(SETTINGS, **changes), np.random.default_rng(0))


def test_disagreement_is_the_spread_of_the_members_probabilities():
    rewards = ensemble(ensemble_size=3)
    one, two = np.random.default_rng(1).normal(size=(2, 3, 2)).astype(np.float32)
    returns = [[rewards._members(part)[m].sum() for part in (one, two)] for m in range(3)]
    chances = [1 / (1 + np.exp(second - first)) for first, second in returns]
    assert rewards.disagreement(one, two) == pytest.approx(np.std(chances), rel=1e-4)
    np.testing.assert_allclose(rewards(one), np.mean([rewards._members(one)[m, :, 0] for m in range(3)], 0), rtol=1e-5)


@pytest.mark.parametrize(("accuracies", "epochs"), [([0.97] * 9, 7), ([0.5, 0.97, 0.98, 0.5], 3), ([1.0], 1)])
def test_the_fit_stops_above_97_percent_or_after_the_last_epoch(monkeypatch, accuracies, epochs):
    rewards, given, steps = ensemble(), iter(accuracies), []
    monkeypatch.setattr(rewards, "_accuracy", lambda *_: next(given))
    monkeypatch.setattr(rewards, "_step", lambda segments, labels: steps.append(labels.copy()))
    for number in range(5):
        rewards.add(np.zeros((3, 2)), np.ones((3, 2)), float(number))
    assert rewards.fit(batch_size=2) == accuracies[epochs - 1]
    assert [part.shape for part in steps] == [(2, 2), (2, 2), (2, 1)] * epochs
    for first in range(0, len(steps), 3):  # every member sees every label once an epoch, in an order of its own
        orders = np.concatenate(steps[first : first + 3], 1)
        np.testing.assert_array_equal(np.sort(orders, 1), [range(5)] * 2)
    assert any(not np.array_equal(*np.concatenate(steps[i : i + 3], 1)) for i in range(0, len(steps), 3))


def test_the_accuracy_counts_ties_as_predicted(monkeypatch):
    rewards = ensemble()
    votes = np.array([[2.0, -3.0, 1.0, 4.0], [-1.0, 1.0, -2.0, 1.0]])  # sums 1, -2, -1, 5
    monkeypatch.setattr(rewards, "_differences", lambda _: votes)
    assert rewards._accuracy(None, np.array([1.0, 0.0, 1.0, 0.5])) == 0.75
    assert rewards._accuracy(None, np.array([0.0, 1.0, 0.0, 0.0])) == 0.25


def test_segments_end_with_the_buffer_and_carry_their_own_states():
    buffer = ReplayBuffer(9, 1, 1, 1)
    for t in range(5):
        x = np.full((1, 1), float(t))
        buffer.add(x, 10 + x, x + 1, np.ones(1), np.zeros(1), np.full(1, 2.0**t), np.zeros(1), z=100 + x)
    rng = np.random.default_rng(0)
    drawn = [buffer.segment(3, rng) for _ in range(60)]
    starts = {int(inputs[0, 0]) for inputs, _ in drawn}
    assert starts == {0, 1, 2}
    for inputs, total in drawn:
        start = int(inputs[0, 0])
        np.testing.assert_array_equal(inputs, [[start + i, 10 + start + i] for i in range(3)])
        assert total == 7 * 2.0**start
    assert buffer.segment(6, rng) is None
    x, action, _, next_x, _ = buffer.sample(50, rng)
    np.testing.assert_array_equal(action, 10 + x)
    np.testing.assert_array_equal(next_x, 1 + x)
    assert set(buffer.sample_states(50, rng)[:, 0]) == {100.0, 101.0, 102.0, 103.0, 104.0}
    buffer.add(x[:1], x[:1], x[:1], np.ones(1), np.zeros(1), np.zeros(1), np.zeros(1))
    assert buffer.z[5, 0] == x[0]


class Sum:
    """A learned reward: the sum of normalised state and scaled action."""

    def __call__(self, inputs):
        self.inputs = inputs
        return inputs.sum(1)


def test_a_baseline_learns_from_the_learned_reward_of_normalised_state_and_scaled_action():
    env = _LearnedReward(Point(), victim(NORMALISER), Sum())
    env.reset(seed=0)
    for episode in (1, 2):
        state, _ = env.reset(seed=episode)
        x = NORMALISER(state[None])[0]
        for action in (np.float32([0.5, -1.0]), np.float32([-1.0, 2.0])):
            after, _, _, _, info = env.step(action)
            scaled = action / HALF
            seen, executed, true, number = env.last_step
            np.testing.assert_allclose(seen, x, rtol=1e-6)
            np.testing.assert_allclose(executed, scaled, rtol=1e-6)
            assert (true, number) == (pytest.approx(-after[1]), episode + 1)
            assert info["attacker_reward"] == pytest.approx(x.sum() + scaled.sum(), rel=1e-5)
            x = NORMALISER(after[None])[0]

    class Silent(Point):
        def step(self, action):
            *rest, _ = super().step(action)
            return (*rest, {})

    silent = _LearnedReward(Silent(), victim(), Sum())
    silent.reset(seed=0)
    with pytest.raises(EnvironmentFault, match="attacker_reward"):
        silent.step(np.zeros(2, np.float32))


def test_a_baseline_is_asked_in_as_many_rounds_as_rat_spread_evenly(monkeypatch):
    from quintain.attacks import AdversarySettings
    from quintain.attacks.adversary import ADVERSARY_PPO

    rounds, passed = [], {}

    def query(buffer, rewards, feedback, round_, rng):
        rounds.append((buffer.size, round_))
        return 0.5

    def train(make_env, policy, **options):
        passed.update(options)
        envs = [make_env() for _ in range(2)]
        for number, env in enumerate(envs):
            env.reset(seed=number)
        for step in range(50):
            for env in envs:
                env.step(np.float32([0.1, 0.2]))
            options["progress"](2 * (step + 1))
        return "method"

    monkeypatch.setattr(baseline, "query_teacher", query)
    monkeypatch.setattr(baseline, "train_adversary", train)
    settings = AdversarySettings(steps=100, ppo=replace(ADVERSARY_PPO, n_envs=2, n_steps=5))
    made = baseline.train_on_preferences(make, victim(), epsilon=0.3, feedback=SETTINGS, settings=settings, seed=4)
    assert (made.method, made.labels, made.accuracy) == ("method", 0, 0.5)
    assert rounds == [(13, 0), (25, 1), (38, 2)]  # 9 labels in rounds of 4: after 25, 50 and 75 steps of 100
    assert (passed["objective"], passed["kind"], passed["epsilon"], passed["seed"]) == ("target", "sa-rl", 0.3, 4)
    assert preferences.scripted_label(1.0, 1.0) == 0.5
