"""GRPO on text environments, with an untrained model of characters."""

import pytest
from text_worlds import Duel, SayLetter, equal, weights

from quintain.agents.language.chat import ChatAgent
from quintain.engines import make_engine
from quintain.errors import CapabilityError, ConfigurationError, EngineError
from quintain.training.language.grpo import train_grpo
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.settings import LoraSettings, OptimizerSettings
from quintain.training.sources import Draw, Matches, Problems, Worlds

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

WORLD = Worlds(SayLetter)
FAST = OptimizerSettings(learning_rate=2e-3)


def small(**changes):
    sizes = {"iterations": 2, "num_prompts": 2, "num_generations": 4, "steps_per_generation": 2}
    return GRPOSettings(**{**sizes, "max_completion_length": 3, "save_every": 1, "optimizer": FAST, **changes})


def test_it_learns_what_the_environment_rewards(fresh):
    settings = small(iterations=6, num_prompts=8, num_generations=8, steps_per_generation=4, eval_every=6)
    trained = train_grpo(fresh(), Worlds(SayLetter, {"turns": 2}), settings, seed=1, evaluation=WORLD)
    before, after = trained.curve[0]["eval/sampled"], trained.facts["eval/sampled"]
    assert after > before + 0.1
    rows = [row for row in trained.curve if "reward" in row]
    assert [row["step"] for row in trained.curve] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert rows[-1]["reward"] > rows[0]["reward"] + 0.25
    assert (rows[0]["turns"], rows[0]["errors"]) == (2, 0)


def test_measuring_the_policy_does_not_change_the_training(fresh):
    """Not even through what the engine has cached: a resumed training would not have it."""
    plain, measured = fresh(), fresh()
    train_grpo(plain, WORLD, small())
    train_grpo(measured, WORLD, small(eval_every=1, eval_episodes=4, pass_k=2), evaluation=WORLD)
    assert equal(weights(plain), weights(measured))


def test_an_iteration_with_hardly_a_valid_episode_is_trained_on(fresh):
    """One valid episode of eight leaves minibatches without a token to train on."""
    trained = train_grpo(fresh(), Worlds(SayLetter, {"fail": 0.85}), small(num_prompts=8, num_generations=2), seed=2)
    assert [row["step"] for row in trained.curve] == [1, 2]
    assert trained.curve[0]["errors"] > 8


def test_a_problem_that_comes_again_is_answered_with_other_random_choices(fresh, tmp_path):
    from quintain.records import read_episodes

    train_grpo(fresh(), Problems(WORLD, [Draw(5)]), small(num_prompts=1, optimizer=OptimizerSettings()), out=tmp_path)
    actions = [record.steps[0]["action"] for record in read_episodes(tmp_path)]
    assert len(set(actions)) > 4  # eight replies of three characters by a policy that hardly changes


def test_a_policy_that_always_fails_has_no_gradient_and_says_so(fresh):
    engine = fresh()
    before = weights(engine)
    never = ChatAgent(engine, temperature=1.0, max_tokens=1, stop=list("abcdefghijklmnopqrstuvwxyz"), extract=False)
    with pytest.warns(UserWarning, match="no gradient"):
        trained = train_grpo(never, WORLD, small(iterations=1))
    assert equal(before, weights(engine))
    assert (trained.curve[0]["signal"], trained.curve[0]["reward"]) == (0, 0)


def test_failed_episodes_do_not_keep_the_others_from_learning(fresh):
    settings = small(iterations=6, num_prompts=8, num_generations=8, steps_per_generation=4)
    trained = train_grpo(fresh(), Worlds(SayLetter, {"fail": 0.3}), settings, seed=3)
    assert sum(row["errors"] for row in trained.curve) > 20
    assert trained.curve[-1]["reward"] > trained.curve[0]["reward"] + 0.1


@pytest.mark.parametrize("world", [{"fail": 1.0}, {"nan": True}], ids=["every episode fails", "rewards are NaN"])
def test_an_iteration_without_any_valid_episode_stops_the_training(fresh, world):
    with pytest.raises(EngineError, match="all 8 episodes of an iteration failed"):
        train_grpo(fresh(), Worlds(SayLetter, world), small())


@pytest.mark.parametrize("lora", [None, LoraSettings(r=4)], ids=["all weights", "adapters"])
def test_the_divergence_from_the_start_policy_is_measured_and_in_the_loss(fresh, lora):
    free, tied = fresh(), fresh()
    curve = train_grpo(free, WORLD, small(beta=1e-9, steps_per_generation=1, lora=lora)).curve
    train_grpo(tied, WORLD, small(beta=1.0, steps_per_generation=1, lora=lora))
    assert curve[0]["kl"] == pytest.approx(0, abs=1e-6)  # the first step is taken from the start policy itself
    assert curve[1]["kl"] > 1e-5
    assert not equal(weights(free), weights(tied))


def test_a_model_with_dropout_is_trained_without_it_and_keeps_it(nano_folder, tmp_path):
    """With dropout the ratio of probabilities would not be 1 before the first step, and its divergence not 0."""
    import json
    import shutil

    folder = shutil.copytree(nano_folder, tmp_path / "dropout")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attention_dropout": 0.5}))
    engine = make_engine("transformers", model=str(folder))
    row = train_grpo(engine, WORLD, small(beta=1e-9, steps_per_generation=1, iterations=1)).curve[0]
    rates = {m.attention_dropout for m in engine.model.modules() if hasattr(m, "attention_dropout")}
    engine.close()
    assert row["kl"] == pytest.approx(0, abs=1e-6)
    assert rates == {0.5}


def test_merged_adapters_compute_what_the_adapters_computed(fresh):
    from quintain.training.language.policy import with_adapters

    model = fresh().model
    ids = torch.arange(12).reshape(1, 12)
    with torch.no_grad():
        before = model(ids).logits
        with with_adapters(model, LoraSettings(r=4), seed=0) as adapted:
            assert torch.equal(adapted(ids).logits, before)  # adapters begin at 0
            for name, weight in adapted.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(weight)
            apart = adapted(ids).logits
        merged = model(ids).logits
    assert not torch.allclose(apart, before, atol=1e-2)
    assert torch.allclose(apart, merged, atol=1e-4)


def test_no_problems_are_refused():
    with pytest.raises(ConfigurationError, match="no problems"):
        Problems(WORLD, [])


def test_dynamic_sampling_replaces_groups_without_signal(fresh, tmp_path):
    settings = small(iterations=1, num_prompts=4, num_generations=2, dynamic_sampling=8)
    trained = train_grpo(fresh(), WORLD, settings, out=tmp_path)
    assert trained.curve[0]["signal"] == 1
    assert len((tmp_path / "episodes.jsonl").read_text().splitlines()) > settings.episodes


def test_problems_are_trained_on_in_their_order(fresh, tmp_path):
    train_grpo(fresh(), Problems(WORLD, [Draw(5), Draw(6), Draw(7)]), small(iterations=2), out=tmp_path)
    from quintain.records import read_episodes

    seeds = [record.seed for record in read_episodes(tmp_path)]
    assert seeds == [5] * 4 + [6] * 4 + [7] * 4 + [5] * 4


def test_a_context_that_is_full_is_an_outcome(tmp_path):
    from quintain.training.language.nano import make_nano

    engine = make_engine("transformers", model=str(make_nano(tmp_path, "0.1M", context=12)))
    trained = train_grpo(engine, Worlds(SayLetter, {"turns": 3}), small(iterations=1, max_completion_length=6))
    engine.close()
    assert (trained.curve[0]["errors"], trained.curve[0]["truncated"]) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_prompts": 3, "num_generations": 3, "steps_per_generation": 4}, "9 episodes, which do not divide into 4"),
        ({"num_generations": 1}, "nothing to be compared with"),
        ({"temperature": 0.0}, "temperature"),
        ({"iterations": 0}, "iterations"),
        ({"gamma": 1.5}, "gamma"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        GRPOSettings(**changes)


def test_an_environment_without_text_is_refused(fresh):
    with pytest.raises(CapabilityError, match="text"):
        train_grpo(fresh(), Worlds("CartPole-v1"), small())


@pytest.mark.parametrize("lora", [None, LoraSettings(r=4)])
def test_another_engine_plays_with_the_weights_that_are_trained(fresh, lora):
    """A sampler that computes as the engine does gives the same training, to rounding with adapters, merged for it."""
    alone, trained, sampler = fresh(), fresh(), fresh()
    with torch.no_grad():
        for value in sampler.model.parameters():
            value.zero_()  # its own weights do not count
    train_grpo(alone, WORLD, small(lora=lora))
    train_grpo(trained, WORLD, small(lora=lora), sampler=sampler)
    first, second = weights(alone), weights(trained)
    if lora is None:
        assert equal(first, second)
    else:
        assert all(torch.allclose(first[name], second[name], atol=1e-4) for name in first)


def test_a_sampler_must_take_weights_and_read_the_same_tokens(fresh, tmp_path):
    from quintain.training.language.nano import make_nano

    with pytest.raises(CapabilityError, match="weights"):
        train_grpo(fresh(), WORLD, small(), sampler=make_engine("scripted:a"))
    other = make_engine("transformers", model=str(make_nano(tmp_path / "other", "0.1M", words=("1 + 1",))))
    with pytest.raises(ConfigurationError, match="reads other tokens"):
        train_grpo(fresh(), WORLD, small(), sampler=other)
    other.close()


def test_weights_of_another_architecture_are_refused(fresh, tmp_path):
    from quintain.training.language.nano import make_nano

    engine = fresh()
    other = make_engine("transformers", model=str(make_nano(tmp_path / "other", "0.3M")))
    with pytest.raises(ConfigurationError, match="not those of this model"):
        engine.load_weights(other.model.named_parameters())
    other.close()


@pytest.mark.parametrize("credit", ["episode", "turn"])
def test_it_learns_from_both_seats_of_a_match(fresh, tmp_path, credit):
    settings = small(iterations=10, num_prompts=8, num_generations=8, steps_per_generation=4, credit=credit)
    rows = train_grpo(fresh(), Matches(Duel), settings, seed=1, out=tmp_path).curve
    assert rows[-1]["reward"] > rows[0]["reward"] + 0.15  # a match in which all do well is worth 1 to each
    assert rows[0]["turns"] == 2
    from quintain.records import read_episodes

    assert {step["seat"] for step in read_episodes(tmp_path)[0].steps} == {"left", "right"}
