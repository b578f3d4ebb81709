import numpy as np

from quintain.attacks.rat.preferences import RewardEnsemble, query_teacher, scripted_label
from quintain.attacks.rat.replay_buffer import ReplayBuffer
from quintain.attacks.rat.settings import RATSettings

SETTINGS = RATSettings(
    hidden_size=32, learning_rate=3e-3, max_reward_epochs=60, segment_length=4, queries_per_round=20, max_labels=50
)


def comparisons(n, rng):
    made = []
    for _ in range(n):
        one, two = rng.uniform(-1, 1, (2, 10, 3))
        made.append((one, two, scripted_label((one[:, 0] - one[:, 2]).sum(), (two[:, 0] - two[:, 2]).sum())))
    return made


def test_the_ensemble_predicts_comparisons_that_it_has_not_seen():
    rng = np.random.default_rng(0)
    rewards = RewardEnsemble(3, SETTINGS, np.random.default_rng(1))
    for pair in comparisons(300, rng):
        rewards.add(*pair)
    rewards.fit()
    assert len(rewards) == 300
    assert rewards.accuracy(comparisons(300, rng)) > 0.9
    points = np.float32([[1.0, 0.0, -1.0], [-1.0, 0.0, 1.0]])
    good, bad = rewards(points)
    assert good > bad


def test_the_teacher_prefers_the_higher_return():
    assert [scripted_label(2, 1), scripted_label(1, 2), scripted_label(1, 1)] == [1.0, 0.0, 0.5]


def test_members_disagree_before_they_have_learned():
    rewards = RewardEnsemble(3, SETTINGS, np.random.default_rng(1))
    one, two = np.random.default_rng(0).normal(size=(2, 10, 3))
    assert rewards.disagreement(one, two) > 0
    assert rewards.disagreement(one, one) == 0


def test_segments_stay_within_an_episode_and_hold_executed_actions():
    buffer = ReplayBuffer(12, 2, state_size=1, action_size=1)
    for t in range(12):
        x, action = np.full((2, 1), t), np.array([[t], [-t]])
        buffer.add(x, action, x + 1, np.ones(2), np.zeros(2), np.full(2, t), np.full(2, t // 6))
    rng = np.random.default_rng(0)
    for _ in range(50):
        inputs, total = buffer.segment(4, rng)
        times = inputs[:, 0]
        np.testing.assert_array_equal(np.diff(times), 1)
        assert times[0] // 6 == times[-1] // 6
        np.testing.assert_array_equal(np.abs(inputs[:, 1]), times)
        assert total == times.sum()
    assert buffer.segment(7, rng) is None


def test_the_teacher_gives_at_most_the_labels_per_round_and_in_total():
    buffer, rng = ReplayBuffer(12, 2, state_size=1, action_size=1), np.random.default_rng(0)
    for t in range(12):
        buffer.add(*rng.normal(size=(3, 2, 1)), np.ones(2), np.zeros(2), rng.normal(size=2), np.full(2, t // 6))
    rewards = RewardEnsemble(2, SETTINGS, np.random.default_rng(1))
    counts = []
    for round_ in range(4):
        accuracy = query_teacher(buffer, rewards, SETTINGS, round_, rng)
        counts.append(len(rewards))
    assert counts == [20, 40, 50, 50]
    assert 0.5 < accuracy <= 1
