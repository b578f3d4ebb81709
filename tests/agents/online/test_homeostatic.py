"""Rules that move learning rates: hand-computed moves, and the loop over samples that they must agree with."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import quintain
from quintain.agents.online.homeostatic import (
    Decision,
    Homeostatic,
    Hypergradient,
    Learners,
    LearnerSettings,
    RandomStimuli,
    Scheduled,
)
from quintain.agents.online.homeostatic.network import Networks
from quintain.envs.concept_shift import StreamSettings, make_stream
from quintain.errors import CapabilityError, ConfigurationError, UnknownNameError
from quintain.experiments.online_learning import learn_streams
from quintain.seeding import episode_seeds

STREAM = StreamSettings(samples=120, epochs=2, swaps_per_epoch=4, features=6, separation=2.0)


def decision(start=40, label=7, guess=7, classes=10, learners=1):
    """A decision whose first sample has this label, and for which the network guesses another one."""
    logits = np.zeros((learners, 10, classes))
    logits[:, 0, guess] = 1.0
    labels = np.full((learners, 10), label)
    rngs = [np.random.default_rng(seed) for seed in range(learners)]
    remembered = np.zeros((learners, 20), dtype=int)
    empty = Networks((1, classes), rngs)
    return Decision(start, 0.001, empty, [logits], [], labels, np.zeros((learners, 20, 1)), remembered, rngs)


class Taking(Homeostatic):
    """Takes every stimulus, as if the simulation always preferred it."""

    def _prefers(self, rates, other, decision):
        self.simulated.append(float(other[0]))
        return np.array([True])

    simulated: list[float] = []


@pytest.mark.parametrize(
    ("label", "guess", "simulated", "real", "wrong"),
    [(7, 8, 0.0011, 0.0011, False), (2, 8, 0.0011, 0.0009, True), (7, 1, 0.0009, 0.0011, True)],
)
def test_the_guess_is_simulated_and_the_right_label_applies(label, guess, simulated, real, wrong):
    rule = Taking()
    rates, taken = rule.update(np.array([0.001]), decision(label=label, guess=guess))
    assert rule.simulated[-1] == pytest.approx(simulated)
    assert rates == pytest.approx([real])
    assert taken.wrong.tolist() == [wrong]


def test_a_rate_stays_above_its_floor():
    rates, _ = Taking(floor=1e-8).update(np.array([0.00005]), decision(label=0, guess=0))
    assert rates.tolist() == [1e-8]


def test_no_decision_before_the_memory_is_full():
    assert not Homeostatic().update(np.array([0.001]), decision(start=20))[1].offered.any()
    assert not RandomStimuli().update(np.array([0.001]), decision(start=0))[1].offered.any()
    assert RandomStimuli().update(np.array([0.001]), decision(start=10))[1].offered.all()


def test_random_stimuli_move_the_rate_by_the_right_label():
    rates, taken = RandomStimuli(probability=1.0).update(np.array([0.001]), decision(label=3, guess=9))
    assert rates == pytest.approx([0.0009])
    assert taken.taken.all()
    rates, taken = RandomStimuli(probability=0.0).update(np.array([0.001]), decision())
    assert rates == [0.001]
    assert not taken.taken.any()
    half = RandomStimuli().update(np.full(200, 0.001), decision(learners=200))[1].taken.mean()
    assert 0.35 < half < 0.65  # four standard errors


def test_the_excitatory_labels_can_be_chosen():
    assert Homeostatic(excitatory=(0, 3)).effects(np.array([0, 1, 3, 9]), 10).tolist() == [1, -1, 1, -1]
    assert Homeostatic().effects(np.array([1, 2]), 4).tolist() == [-1, 1]


def test_ties_leave_the_learning_rate_alone():
    settings = LearnerSettings(hidden=(5,), learning_rate=1e-6)  # steps too small to change any prediction
    streams = [make_stream(STREAM, np.random.default_rng(0))]
    run = learn_streams(streams, settings, [np.random.default_rng(1)])
    assert run.offered[0] == len(run.rates) - 3
    assert run.taken[0] == 0
    assert (run.rates == 1e-6).all()


def test_hypergradients_raise_the_rate_while_gradients_agree():
    rule, rates = Hypergradient(beta=0.1), np.array([1.0, 1.0])
    for gradient, expected in (([[1.0], [1.0]], [1.0, 1.0]), ([[2.0], [-1.0]], [1.1, 0.9])):
        layers, errors = [np.ones((2, 1, 1)), np.ones((2, 1, 1))], [np.array(gradient)[..., None]]
        rates, _ = rule.update(rates, decision(learners=2)._replace(layers=layers, errors=errors))
        assert rates == pytest.approx(expected)


def test_a_schedule_is_followed():
    rule = Scheduled(np.array([[0.1, 0.2], [0.3, 0.4]]))
    assert rule.update(np.zeros(2), decision(start=10))[0].tolist() == [0.3, 0.4]
    assert rule.update(np.zeros(2), decision(start=90))[0].tolist() == [0.3, 0.4]
    with pytest.raises(ConfigurationError):
        Scheduled(np.array([[0.0]]))


def test_a_virtual_step_gives_the_outputs_after_a_real_one():
    rng = np.random.default_rng(0)
    networks = Networks((6, 5, 4, 3), [np.random.default_rng(s) for s in range(2)])
    sample, label = rng.normal(size=(2, 1, 6)), np.array([[2], [0]])
    others, rates = rng.normal(size=(2, 7, 6)), np.array([[0.1, 0.3], [0.2, 0.05]])
    layers = networks.forward(sample)
    errors = networks.errors(layers, label)
    virtual = networks.after_virtual_steps(others, layers, errors, rates)
    for option in range(2):
        real = Networks((6, 5, 4, 3), [np.random.default_rng(s) for s in range(2)])
        real.descend(layers, errors, rates[:, option])
        assert virtual[:, option] == pytest.approx(real.forward(others)[-1])


def test_errors_are_the_gradient_of_the_cross_entropy():
    networks = Networks((3, 4, 4, 3), [np.random.default_rng(5)])
    sample, label = np.random.default_rng(1).normal(size=(1, 1, 3)), np.array([[1]])

    def loss():
        logits = networks.forward(sample)[-1][0, 0]
        return np.log(np.exp(logits).sum()) - logits[1]

    layers = networks.forward(sample)
    found = networks.gradients(layers, networks.errors(layers, label))
    for values, gradients in zip([*networks.weights, *networks.biases], found, strict=True):
        values[0, 0, 1] += 1e-6
        more = loss()
        values[0, 0, 1] -= 2e-6
        assert (more - loss()) / 2e-6 == pytest.approx(gradients[0, 0, 1], abs=1e-6)
        values[0, 0, 1] += 1e-6


def per_sample():
    """Return the loop over samples of the benchmark, written as the published code is."""
    path = Path(__file__).parents[3] / "benchmarks" / "concept_shift.py"
    spec = importlib.util.spec_from_file_location("concept_shift_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.learn_by_sample


def test_lock_step_and_loop_over_samples_and_agent_agree():
    settings = LearnerSettings(hidden=(8, 7), learning_rate=0.5)  # high enough for a few stimuli to be taken
    seeds = [episode_seeds(0)[k] for k in range(3)]
    env = {"samples": 120, "epochs": 2, "swaps_per_epoch": 4, "features": 6, "separation": 1.0, "announce_swaps": True}
    agent = quintain.make_agent("online-classifier", learning_rate=0.5, hidden=[8, 7])
    report = quintain.evaluate("ConceptShift-v0", agent, episodes=3, env_kwargs=env)
    streams = [make_stream(replace(STREAM, separation=1.0), gym_rng(seed)) for seed in seeds]
    run = learn_streams(streams, settings, [seat_rng(seed) for seed in seeds])
    assert run.taken.sum() > 0
    for k, episode in enumerate(report.episodes):
        rewards = [step["reward"] for step in episode.steps]
        assert rewards == run.right[:, k].astype(float).tolist()
        right, rates = per_sample()(streams[k], settings, seat_rng(seeds[k]))
        assert right == run.right[:, k].tolist()
        assert rates == pytest.approx(run.rates[:, k])


def gym_rng(seed):
    import gymnasium as gym

    return gym.utils.seeding.np_random(seed)[0]


def seat_rng(seed):
    from quintain.seeding import SeedStream

    return SeedStream(seed, "seat", "agent").generator()


@pytest.mark.parametrize("rule", ["constant", "random", "homeostatic", "hypergradient"])
def test_every_rule_learns_a_stationary_stream(rule):
    made = StreamSettings(samples=200, epochs=3, swaps_per_epoch=0, features=6, separation=2.0, validation=50)
    streams = [make_stream(made, np.random.default_rng(s)) for s in range(3)]
    settings = LearnerSettings(rule, 0.1, hidden=(12,))
    run = learn_streams(streams, settings, [np.random.default_rng(s) for s in range(3)])
    assert run.right[-200:].mean() > 0.7
    assert run.validation[-1].mean() > 0.6
    assert np.isnan(run.take_rate).all() == (rule in ("constant", "hypergradient"))


def test_streams_of_different_shapes_are_refused():
    streams = [make_stream(STREAM, np.random.default_rng(0)), make_stream(StreamSettings(), np.random.default_rng(0))]
    rngs = [np.random.default_rng(0)] * 2
    with pytest.raises(ConfigurationError, match="equal shape"):
        learn_streams(streams, LearnerSettings(), rngs)
    with pytest.raises(ConfigurationError, match="whole number"):
        learn_streams(streams[:1], LearnerSettings(batch_size=7), rngs[:1])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"rule": "homeostasis"}, UnknownNameError),
        ({"options": {"criterion": "luck"}}, ConfigurationError),
        ({"options": {"criterium": "loss"}}, ConfigurationError),
        ({"learning_rate": 0.0}, ConfigurationError),
        ({"batch_size": 0}, ConfigurationError),
        ({"rule": "hypergradient", "options": {"beta": 2.0}}, ConfigurationError),
    ],
)
def test_wrong_arguments_are_refused_when_the_agent_is_made(wrong, error):
    with pytest.raises(error):
        quintain.make_agent("online-classifier", **wrong)


def test_other_environments_are_refused():
    agent = quintain.make_agent("online-classifier")
    with pytest.raises(CapabilityError, match="previous_label"):
        quintain.evaluate("CartPole-v1", agent, episodes=1)


def test_learners_of_one_batch_do_not_influence_each_other():
    streams = [make_stream(STREAM, np.random.default_rng(s)) for s in range(2)]
    settings = LearnerSettings(hidden=(5,), learning_rate=0.1)
    both = learn_streams(streams, settings, [np.random.default_rng(s) for s in range(2)])
    alone = learn_streams(streams[1:], settings, [np.random.default_rng(1)])
    assert np.array_equal(both.right[:, 1], alone.right[:, 0])
    assert Learners(settings, 6, 10, [np.random.default_rng(0)]).rates.tolist() == [0.1]


@pytest.mark.filterwarnings("error")
def test_a_learner_that_diverges_is_wrong_and_does_not_fail():
    streams = [make_stream(STREAM, np.random.default_rng(0))]
    run = learn_streams(streams, LearnerSettings(hidden=(5,), learning_rate=1e200), [np.random.default_rng(0)])
    assert run.right[-50:].mean() < 0.5
