"""Steps of RAT's training on a point that moves in the plane: actions, replay buffer, feedback and updates."""

from dataclasses import replace

import numpy as np
import pytest
from point_env import HALF, NORMALISER, SETTINGS, make, training, victim

from quintain.attacks import Ball, RandomAttack, RATAttack
from quintain.attacks.episodes import play_attacked
from quintain.attacks.learned import LearnedMethod
from quintain.attacks.rat import train_rat
from quintain.attacks.rat import training as module
from quintain.attacks.rat.preferences import scripted_label


def run(settings=SETTINGS, **options):
    trained = training(settings, **options)
    trained.run(None, None)
    trained.rows.close()
    return trained


def unit(action):
    return action / HALF


def is_action_of_victim(trained):
    """Return where the stored action is that of the policy on the perturbed state: shape ``(steps, n_envs)``."""
    buffer, n = trained.buffer, trained.buffer.size
    rows = buffer.x[:n].reshape(-1, 2)
    delta = trained.adversary.network(rows)[0]
    read = rows.astype(np.float64) + 0.2 * delta
    acted = np.clip(victim().network(read), -HALF, HALF) / HALF
    return np.isclose(acted, buffer.action[:n].reshape(-1, 2), atol=1e-5).all(1).reshape(n, -1)


@pytest.fixture(scope="module")
def plain():
    return run()


def episodes(trained):
    """Yield, for each complete episode, which of its steps the perturbed policy took."""
    mask, numbers = is_action_of_victim(trained), trained.buffer.episode[: trained.buffer.size]
    for number in np.unique(numbers):
        times, rows = np.nonzero(numbers == number)
        assert len(set(rows)) == 1
        if times[0] >= 20 and times[-1] < trained.buffer.size - 1:  # after exploration, which lasts 20 steps
            yield mask[times, rows]


def test_the_stored_action_is_the_executed_one(plain):
    buffer, n = plain.buffer, plain.buffer.size
    np.testing.assert_allclose(buffer.next_x[:n] - buffer.x[:n], 0.1 * buffer.action[:n] * HALF, atol=1e-6)
    assert n == 100
    assert np.ptp(buffer.action[:n], axis=(0, 1)).min() > 0.5


def test_the_reported_loss_is_the_mean_of_the_last_hundred_updates():
    trained = run()
    trained.losses[:] = [float(k) for k in range(150)]
    assert trained.result().inner_loss == 99.5  # 50 to 149


def test_consecutive_stored_transitions_share_their_state(plain):
    buffer, n = plain.buffer, plain.buffer.size
    same = buffer.episode[1:n] == buffer.episode[: n - 1]
    np.testing.assert_array_equal(buffer.x[1:n][same], buffer.next_x[: n - 1][same])
    assert not np.isclose(buffer.x[1:n][~same], buffer.next_x[: n - 1][~same]).all(1).any()
    assert buffer.episode[:n].max() >= 20


def test_only_the_intention_policy_acts_during_exploration(plain):
    assert not is_action_of_victim(plain)[:20].any()


def test_the_perturbed_policy_starts_an_episode_and_the_intention_policy_ends_it():
    trained = run(replace(SETTINGS, steps=3200))
    prefixes = []
    for acted in episodes(trained):
        switch = int(acted.sum())
        assert acted[:switch].all()
        prefixes.append((switch, len(acted)))
    whole = [switch for switch, length in prefixes if length == 20]
    assert len(prefixes) > 100
    # Uniform on {0, ..., 20}: the mean of this many lies within 4 standard errors, and both ends occur.
    assert np.mean(whole) == pytest.approx(10, abs=4 * 6.1 / len(whole) ** 0.5)
    assert {0, 20} <= set(whole)
    assert len(set(whole)) > 15


def test_without_the_mixed_policy_only_the_perturbed_one_acts_after_exploration():
    trained = run(replace(SETTINGS, mixed=False))
    mask = is_action_of_victim(trained)
    assert mask[20:].all()
    assert not mask[:20].any()


def test_only_termination_stops_the_bootstrap(plain):
    buffer, n = plain.buffer, plain.buffer.size
    ended = buffer.next_x[:n, :, 0] > 1
    np.testing.assert_array_equal(buffer.not_terminated[:n], np.where(ended, 0.0, 1.0))
    last = buffer.episode[1:n] != buffer.episode[: n - 1]
    assert (last & ~ended[: n - 1]).any()  # some episodes were cut by the limit
    assert ended.any()


def test_learners_get_the_learned_reward_and_the_teacher_the_true_one(plain):
    buffer, n = plain.buffer, plain.buffer.size
    np.testing.assert_allclose(buffer.true_reward[:n], -buffer.next_x[:n, :, 1], atol=1e-6)
    inputs = np.concatenate([buffer.x[:n], buffer.action[:n]], 2)
    # Relabelled after the last refit, and labelled by the same reward since.
    learned = plain.rewards(inputs.reshape(-1, 4)).reshape(n, -1)
    np.testing.assert_allclose(buffer.reward[:n], learned, atol=1e-6)
    assert np.abs(buffer.reward[:n] - buffer.true_reward[:n]).min(1).max() > 0.05
    oracle = run(replace(SETTINGS, oracle=True))
    np.testing.assert_allclose(oracle.buffer.reward[:n], oracle.buffer.true_reward[:n], atol=1e-6)
    assert len(oracle.rewards) == 0


def test_feedback_rounds_are_at_the_scheduled_steps(monkeypatch):
    rounds = []
    query = module.query_teacher

    def recorded(buffer, rewards, settings, round_, rng):
        before = len(rewards)
        result = query(buffer, rewards, settings, round_, rng)
        rounds.append((buffer.size, round_, len(rewards) - before))
        return result

    monkeypatch.setattr(module, "query_teacher", recorded)
    trained = run()
    # Steps 80, 180, 280 and 380; a step of four environments is stored before.
    assert rounds == [(21, 0, 6), (46, 1, 6), (71, 2, 3), (96, 3, 0)]
    assert trained.result().labels == 15


def test_labels_compare_true_returns_of_executed_segments(plain):
    buffer = plain.buffer
    table = {
        np.concatenate([buffer.x[t, e], buffer.action[t, e]]).tobytes(): buffer.true_reward[t, e]
        for t in range(buffer.size)
        for e in range(4)
    }
    for one, two, label in plain.rewards._pairs:
        returns = [sum(table[row.tobytes()] for row in part) for part in (one, two)]
        assert label == scripted_label(*returns)
    assert {label for *_, label in plain.rewards._pairs} == {0.0, 1.0}


@pytest.mark.parametrize(("space", "scale"), [("raw", 1.0), ("normalised", NORMALISER.scale)])
def test_the_policy_observes_the_perturbed_state_within_the_budget(space, scale):
    policy = victim(NORMALISER)
    trained = training(policy=policy, space=space)
    trained.adversary.network.flat[:] = 0
    trained.adversary.network.layers[-1][1][0, 0] = [9.0, -9.0]  # tanh(9) is nearly 1
    true = np.array([[0.3, -0.4], [0.5, 0.6]])
    x = policy.normalise(true).astype(np.float32)
    action, delta = trained.act(true, x, np.array([True, False]))
    np.testing.assert_allclose(delta, [[1, -1], [1, -1]], atol=1e-6)
    perturbed = true + 0.2 * scale * np.array([1, -1])
    np.testing.assert_allclose(policy.network.read[-1], policy.normalise(perturbed), atol=1e-6)
    np.testing.assert_allclose(action[0], (policy.act_batch(perturbed) / HALF)[0], atol=1e-6)
    assert not np.allclose(action[1], (policy.act_batch(perturbed) / HALF)[1], atol=1e-3)
    assert trained.buffer.size == 0
    trained.rows.close()


@pytest.mark.parametrize("space", ["raw", "normalised"])
def test_training_and_attack_agree_beyond_the_clip(space):
    """The clip is 1.5 standard deviations: at 3 of them a perturbation changes nothing, and has no gradient."""
    policy = victim(NORMALISER)
    trained = run(policy=policy, space=space, epsilon=0.1)
    trained.adversary.network.flat[:] = np.random.default_rng(0).normal(size=len(trained.adversary.network.flat))
    buffer, n = trained.buffer, trained.buffer.size
    z = buffer.z[:n].reshape(-1, 2)
    x = buffer.x[:n].reshape(-1, 2)
    np.testing.assert_allclose(np.clip(z, -1.5, 1.5), x)
    beyond = np.abs(z) > 1.5
    assert beyond.any()
    delta = trained.adversary.network(x)[0]
    believed, slope = trained.adversary._perturb(z, delta)
    true = z * NORMALISER.scale + NORMALISER.mean
    attack = LearnedMethod(policy, trained.adversary.network.frozen(), space)
    unit_of_space = 1.0 if space == "raw" else NORMALISER.scale
    proposed = attack.propose(true if space == "raw" else z, np.zeros((len(z), 0, 2)), trained.ball)
    np.testing.assert_allclose(believed, policy.normalise(true + proposed * unit_of_space), atol=1e-5)
    step = 0.1 / NORMALISER.scale if space == "raw" else np.full(2, 0.1)
    far = np.abs(z) > 1.5 + step
    assert far.any()
    np.testing.assert_array_equal(believed[far], np.sign(z[far]) * np.float32(1.5))
    np.testing.assert_array_equal(np.broadcast_to(slope, z.shape)[far], 0)
    near = np.abs(z) + step < 1.5
    np.testing.assert_allclose(np.broadcast_to(slope, z.shape)[near], np.broadcast_to(step, z.shape)[near], rtol=1e-6)


def test_the_outer_loss_takes_a_fresh_minibatch_and_the_inner_one_every_step(monkeypatch):
    trained = training(replace(SETTINGS, gradient_steps=1, outer_every=3))
    inner, outer = [], []
    adversary = trained.adversary
    monkeypatch.setattr(adversary, "update", lambda z, intention: inner.append(z.copy()) or 0.0)
    monkeypatch.setattr(adversary, "update_weights", lambda z, fresh, _: outer.append((z.copy(), fresh.copy())))
    trained.run(None, None)
    trained.rows.close()
    assert len(inner) == 80  # every step of all environments after exploration
    assert len(outer) == 80 // 3
    for number, (z, fresh) in enumerate(outer):
        np.testing.assert_array_equal(z, inner[3 * number + 2])
        assert not np.isin(fresh[:, 0], z[:, 0]).all()
        assert len(fresh) == 16


def test_during_exploration_only_the_intention_policy_learns_from_the_bonus(monkeypatch):
    trained = training(replace(SETTINGS, gradient_steps=2, reset_updates=0))
    batches, adversary = [], []
    monkeypatch.setattr(trained.actor, "update", lambda *batch: batches.append((trained.buffer.size, batch)))
    monkeypatch.setattr(trained.adversary, "update", lambda *_: adversary.append(trained.buffer.size) or 0.0)
    monkeypatch.setattr(trained.adversary, "update_weights", lambda *_: None)
    trained.run(None, None)
    trained.rows.close()
    assert [size for size, _ in batches] == [t for t in range(4, 101) for _ in range(2)]  # from one batch's size on
    assert adversary == [t for t in range(21, 101) for _ in range(2)]
    for size, (x, _, reward, next_x, _) in batches:
        # For each next state, the distance of the fifth nearest state of the batch.
        fifth = [np.sort([np.linalg.norm(a - b) for a in x])[4] for b in next_x]
        assert np.allclose(reward, np.log(1 + np.array(fifth)), rtol=1e-4) == (size <= 20)


def test_new_critics_learn_from_the_learned_reward_after_its_first_fit(monkeypatch):
    """PEBBLE: after the first fit, and no other, critics begin anew and get 100 updates on relabelled rewards."""
    trained = training(replace(SETTINGS, gradient_steps=1, reset_updates=7))
    critics, updates = [], []
    update = trained.actor.update

    def recorded(x, action, reward, next_x, not_terminated):
        learned = trained.learned_reward(x, action)
        updates.append((trained.buffer.size, np.allclose(reward, learned, atol=1e-6)))
        critics.append(trained.actor.critics)
        update(x, action, reward, next_x, not_terminated)

    monkeypatch.setattr(trained.actor, "update", recorded)
    trained.run(None, None)
    trained.rows.close()
    assert [sum(size == t for size, _ in updates) for t in (20, 21, 22, 46)] == [1, 8, 1, 1]
    assert all(learned == (size > 20) for size, learned in updates)
    first, second = critics[0], critics[-1]
    assert first is not second
    assert [c is first for c in critics] == [size <= 20 for size, _ in updates]
    assert not np.allclose(first.flat, second.flat)


def test_new_critics_start_with_equal_targets_and_without_moments():
    actor = training(SETTINGS).actor
    batch = [np.random.default_rng(0).standard_normal((16, k)).astype(np.float32) for k in (2, 2)]
    for _ in range(3):
        actor.update(*batch, np.ones(16, np.float32), batch[0], np.ones(16, np.float32))
    kept, old = actor.actor.flat.copy(), actor.critics.flat.copy()
    actor.reset_critics()
    assert not np.allclose(actor.critics.flat, old)
    np.testing.assert_array_equal(actor.critics.flat, actor._target_critics.flat)
    np.testing.assert_array_equal(actor.actor.flat, kept)


def test_the_exploration_bonus_is_higher_for_distant_states():
    trained = run()
    x, _, bonus, next_x, _ = trained.sample(state_entropy=True)
    distance = np.linalg.norm(next_x - x.mean(0), axis=1)
    assert np.corrcoef(bonus, distance)[0, 1] > 0.3
    assert (bonus > 0).all()


def test_learning_rates_fall_linearly_over_the_last_share(plain):
    trained = training(replace(SETTINGS, anneal=0.5, learning_rate=0.01, outer_rate=0.1))
    for left, rate in ((1.0, 0.01), (0.5, 0.01), (0.25, 0.005), (0.05, 0.001)):
        trained.set_learning_rates(left)
        networks = (trained.actor.actor, trained.actor.critics, trained.adversary.network)
        assert [network.learning_rate for network in networks] == [pytest.approx(rate)] * 3
        assert trained.adversary.weights.learning_rate == pytest.approx(0.1 * rate)
    trained.rows.close()
    assert plain.adversary.network.learning_rate == 1e-3


def test_without_an_intention_policy_the_learner_chooses_perturbations():
    trained = run(replace(SETTINGS, intention=False))
    buffer, n = trained.buffer, trained.buffer.size
    read = buffer.x[:n].astype(np.float64) + 0.2 * buffer.delta[:n]
    acted = np.clip(victim().network(read.reshape(-1, 2)), -HALF, HALF) / HALF
    np.testing.assert_allclose(buffer.action[:n].reshape(-1, 2), acted, atol=1e-5)
    np.testing.assert_array_equal(trained.sample()[1].shape, (16, 2))
    assert np.isin(trained.sample()[1][:, 0], buffer.delta[:n, :, 0]).all()
    # The attack is the mean of the learner's distribution, squashed.
    x = np.array([[0.3, -0.2]], np.float32)
    proposed = trained.method().propose(x, np.zeros((1, 0, 2)), trained.ball)
    np.testing.assert_allclose(proposed, 0.2 * np.tanh(trained.actor.actor(x)[0][:, :2]), rtol=1e-5)


def test_the_intention_policy_has_the_actors_mean_and_critic(plain):
    policy = plain.intention_policy()
    x = np.array([[0.3, -0.2], [1.0, 0.5]], np.float32)
    np.testing.assert_allclose(policy.act_batch(x), HALF * np.tanh(plain.actor.actor(x)[0][:, :2]), atol=1e-6)
    value, _ = policy.action_value.vjp(x, np.zeros_like(x))
    np.testing.assert_allclose(value, plain.actor.critics(np.concatenate([x, 0 * x], 1))[0][:, 0], rtol=1e-5)


def test_the_policy_under_attack_can_be_replaced():
    trained = training()
    calls = []

    def replace_once(steps, method):
        calls.append(steps)
        assert callable(method)
        if steps == 200:
            other = victim()
            other.network.layers[0].bias[:] = 0
            other.network._forward[0][1][:] = 0  # now the action is (-s_0, s_1 / 2)
            return other
        return None

    steps = []
    trained.run(steps.append, replace_once)
    trained.rows.close()
    assert steps == calls == list(range(4, 401, 4))
    mask = is_action_of_victim(trained)
    assert mask[20:50].any()
    assert not mask[50:].any()


def test_rat_reaches_the_attackers_goal_and_noise_does_not():
    """The attacker wants a low second entry. The policy moves it away from 0 unless perturbed."""
    settings = replace(
        SETTINGS, steps=1600, exploration_steps=400, hidden_size=16, batch_size=32, feedback_every=400,
        queries_per_round=40, max_labels=200, max_reward_epochs=20, gradient_steps=2, learning_rate=3e-3,
    )  # fmt: skip
    policy = victim()
    trained = train_rat(make, policy, epsilon=0.8, settings=settings)
    assert (trained.labels, trained.accuracy > 0.8) == (120, True)
    states = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    perturbations = trained.method.propose(states, np.zeros((200, 0, 2)), Ball(0.8))
    assert np.mean(perturbations[:, 1]) < -0.5
    seeds = range(30)

    def reached(attack):
        played = play_attacked(make, policy, seeds, attack)
        return np.mean([episode.info["attacker_reward"] for episode in played])

    attacked = reached(lambda env: RATAttack(env, policy, trained, epsilon=0.8))
    noisy = reached(lambda env: RandomAttack(env, policy, epsilon=0.8))
    assert attacked > noisy + 0.7
    # The intention policy, which acts itself, reaches still more.
    intended = np.mean([e.info["attacker_reward"] for e in play_attacked(make, trained.intention, seeds)])
    assert intended > attacked
