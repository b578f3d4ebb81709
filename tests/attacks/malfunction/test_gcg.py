"""Gradient-optimised suffixes on nano models: the loss falls, tokens round-trip, other models can be given them."""

import json

import gymnasium as gym
import pytest

from quintain.attacks.malfunction import GCGSettings, attack_language, optimise_suffix, suffix_loss
from quintain.errors import ConfigurationError
from quintain.messages import system, user

pytest.importorskip("torch")
pytest.importorskip("transformers")

TALKS = [[system("Use tools."), user("Send a letter.")], [user("What is new?")]]
SMALL = GCGSettings(length=6, steps=6, top_k=24, batch_size=24)


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    from quintain.engines.transformers_engine import TransformersEngine
    from quintain.training.language.nano import make_nano

    folder = tmp_path_factory.mktemp("nano")
    made = [TransformersEngine(str(make_nano(folder / str(seed), "0.1M", seed=seed))) for seed in (0, 1)]
    yield made
    for engine in made:
        engine.close()


@pytest.fixture(scope="module")
def found(engines):
    return optimise_suffix(engines[0], TALKS, "again, again", SMALL)


def test_the_loss_falls_and_is_that_of_the_text(engines, found):
    assert len(found.curve) == 7
    assert list(found.curve) == sorted(found.curve, reverse=True)
    assert found.loss == found.curve[-1] < found.curve[0] - 0.01
    assert found.curve[0] == pytest.approx(suffix_loss(engines[0], TALKS, "!!!!!!", "again, again"), abs=1e-4)
    assert found.loss == pytest.approx(suffix_loss(engines[0], TALKS, found.text, "again, again"), abs=1e-4)


def test_the_suffix_is_printable_and_tokenised_as_it_was_searched(engines, found):
    assert found.text.isascii()
    assert found.text.isprintable()
    assert len(engines[0].tokenizer(found.text, add_special_tokens=False)["input_ids"]) == 6


def test_the_gradient_says_which_tokens_lower_the_loss(engines):
    """The linear estimate of changing one token agrees in sign and order with the change, for most tokens."""
    import numpy as np
    import torch

    from quintain.attacks.malfunction.gcg import _Problem

    with engines[0].exclusive() as model:
        problem = _Problem(torch, model, engines[0].tokenizer, TALKS[:1], "again", 4, 512)
        suffix = problem.start("!")
        gradient = problem.gradient(suffix)[2].numpy()
        tokens = np.flatnonzero(problem._allowed)[:60].tolist()
        before, *changed = problem.losses([suffix, *([*suffix[:2], token, suffix[3]] for token in tokens)])
    estimated = gradient[tokens] - gradient[suffix[2]]
    actual = np.array(changed) - before
    assert np.corrcoef(estimated, actual)[0, 1] > 0.7


def test_equal_seeds_give_equal_suffixes_and_weights_get_no_gradient(engines, found):
    again = optimise_suffix(engines[0], TALKS, "again, again", SMALL)
    assert again == found
    assert all(parameter.grad is None for parameter in engines[0].model.parameters())


def test_a_suffix_is_transferred_to_another_model_and_planted_as_an_attack(engines, found):
    assert suffix_loss(engines[1], TALKS, found.text, "again, again") > 0
    env = attack_language(gym.make("ToolUse-v0", tasks="mail-reply"), "suffix", text=found.text)
    observation, info = env.reset(seed=0)
    assert observation.endswith(f" {found.text}".rstrip())
    assert info["attack"]["malfunction"]["payload"] == found.text.rstrip()
    assert json.loads(json.dumps(info["attack"])) == info["attack"]
    with pytest.raises(ConfigurationError, match="give text"):
        attack_language(gym.make("ToolUse-v0"), "suffix")


def test_what_does_not_fit_is_an_error(engines):
    with pytest.raises(ConfigurationError, match="at least one conversation"):
        optimise_suffix(engines[0], [], settings=SMALL)
    with pytest.raises(ConfigurationError, match="end with a user message"):
        optimise_suffix(engines[0], [[system("x")]], settings=SMALL)
    with pytest.raises(ConfigurationError, match="the model reads 512"):
        optimise_suffix(engines[0], [[user("x" * 600)]], settings=SMALL)
    with pytest.raises(ConfigurationError, match="one token"):
        optimise_suffix(engines[0], TALKS, settings=GCGSettings(start="ab", steps=1))
    with pytest.raises(ConfigurationError, match="top_k"):
        GCGSettings(top_k=0)
