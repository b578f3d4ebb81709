"""Gradient-optimised suffixes on nano models: the loss falls, tokens round-trip, other models can be given them."""

import json
import types

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


class Merging:
    """A tokenizer that takes the longest piece it knows: all printable characters, and the given ones."""

    all_special_ids = ()

    def __init__(self, *merged):
        self.pieces = [*map(chr, range(32, 127)), *merged]

    def __len__(self):
        return len(self.pieces)

    def __call__(self, text, add_special_tokens):
        found = []
        while text:
            found.append(max((p for p in self.pieces if text.startswith(p)), key=len))
            text = text[len(found[-1]) :]
        return {"input_ids": [self.pieces.index(piece) for piece in found]}

    def decode(self, tokens):
        return "".join(self.pieces[token] for token in tokens)

    def apply_chat_template(self, messages, **_):
        return f"U:{messages[-1]['content']}.A:"


def problem_of(tokenizer, length=20):
    import torch

    from quintain.attacks.malfunction.gcg import _Problem

    table = types.SimpleNamespace(weight=torch.zeros(len(tokenizer), 1))
    model = types.SimpleNamespace(get_input_embeddings=lambda: table)
    return _Problem(torch, model, tokenizer, [[user("Go")], [user("Go on")]], "again", length, 512)


def test_candidates_are_tokenised_alike_within_the_text_of_the_conversation():
    """As pairs merge: the blank before the suffix with its first letter, its last one with what follows."""
    import numpy as np
    import torch

    tokenizer = Merging(" a", "b.", "cd")
    problem, rng = problem_of(tokenizer, 3), np.random.default_rng(0)
    start = problem.start("x")
    places = GCGSettings(length=3, top_k=200, batch_size=2000)
    found = [problem.text(one) for one in problem.candidates(start, torch.zeros(3, len(tokenizer)), places, rng)]
    assert {"xax", "xxa", "bxx", "xcdx"} <= set(found)
    assert not {"axx", "xxb"} & set(found)
    for text in found:
        assert len(tokenizer(f"U:Go {text}.A:", add_special_tokens=False)["input_ids"]) == 5 + 3 + 3


def test_a_start_that_the_model_would_merge_gets_blanks_or_is_an_error():
    assert problem_of(Merging("!!!!", " !")).text(problem_of(Merging("!!!!", " !")).start("!")) == " !" * 20
    assert problem_of(Merging()).text(problem_of(Merging()).start("!")) == "!" * 20
    with pytest.raises(ConfigurationError, match="does not merge"):
        problem_of(Merging("!!!!")).start("!")


def test_the_loss_of_a_text_is_that_of_its_tokens_within_the_conversation(engines):
    from unittest import mock

    problem = problem_of(Merging(" a"), 1)
    with mock.patch.object(problem, "_row_losses", side_effect=lambda rows: [len(row) for row in rows]):
        assert problem.loss_of("a") == 8 + 3 / 2  # "U:Go", " a", ".A:", and three more characters in one of two


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
