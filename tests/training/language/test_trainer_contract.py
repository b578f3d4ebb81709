"""What every trainer of language models must do; a new one needs an entry in ``CASES``."""

import errno
import itertools
import json

import gymnasium as gym
import pytest
from text_worlds import SayLetter, equal, teacher, weights

from quintain import evaluate
from quintain.engines import make_engine
from quintain.errors import CapabilityError, ConfigurationError, RecordError
from quintain.training import TRAINERS
from quintain.training.folder import read_metrics
from quintain.training.language.b_star_settings import BStarSettings
from quintain.training.language.cot_monitor_settings import CoTMonitorSettings
from quintain.training.language.critic_settings import CriticSettings
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.rest_mcts_settings import ReSTMCTSSettings
from quintain.training.language.score_settings import SCoRESettings
from quintain.training.language.self_evolution_settings import SELFSettings
from quintain.training.language.settings import LoraSettings, OptimizerSettings
from quintain.training.language.sft import SFTSettings
from quintain.training.language.spc_settings import SPCSettings
from quintain.training.language.value_settings import ValueSettings
from quintain.training.sources import Matches, Records, Worlds
from quintain.training.trained import Trained

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

FAST = OptimizerSettings(learning_rate=2e-3)
#: By name of the trainer and what is special about it: settings of a training of three logged steps with a checkpoint
#: after each, a change that makes it another one, and the message about it.
CASES = {
    "grpo": (
        GRPOSettings(
            iterations=3, num_prompts=2, num_generations=4, steps_per_generation=2, max_completion_length=3,
            save_every=1, optimizer=FAST,
        ),
        {"epsilon": 0.3},
        "settings.epsilon was 0.2, is 0.3",
    ),
    "grpo with a critic": (
        GRPOSettings(
            iterations=3, num_prompts=8, num_generations=1, steps_per_generation=2, max_completion_length=3,
            save_every=1, optimizer=FAST, baseline="critic", credit="turn", scale="batch",
            critic=CriticSettings(learning_rate=1e-2, gae_lambda=0.9, epochs=2, batch_size=4),
        ),
        {"gamma": 0.9},
        "settings.gamma was 1.0, is 0.9",
    ),
    "score": (
        SCoRESettings(
            iterations=3, stage1_iterations=1, num_prompts=8, steps_per_generation=2, max_completion_length=3,
            save_every=1, optimizer=FAST,
        ),
        {"alpha": 5.0},
        "settings.alpha was 10.0, is 5.0",
    ),
    "b-star": (
        BStarSettings(
            iterations=3, steps=1, num_queries=4, monitored_queries=1, num_generations=4, temperatures=(0.8, 1.0),
            max_completion_length=3, batch_size=4, optimizer=FAST,
        ),
        {"target": 4},
        "settings.target was 3, is 4",
    ),
    "self": (
        SELFSettings(
            iterations=2, steps=1, num_seeds=4, num_queries=3, labeller="text_worlds:label", max_completion_length=3,
            batch_size=4, optimizer=FAST,
        ),
        {"beta": 0.5},
        "settings.beta was 1.0, is 0.5",
    ),
    "rest-mcts": (
        ReSTMCTSSettings(
            iterations=3, steps=1, num_queries=8, search_iterations=2, roll_forward_steps=0, end_gate=0.4,
            step_tokens=2, temperature=1.0, value=ValueSettings(value_steps=1, value_learning_rate=1e-3),
            max_completion_length=3, batch_size=4, optimizer=FAST,
        ),
        {"eps": 0.5},
        "settings.eps was 0.4, is 0.5",
    ),
    "cot-monitor": (
        CoTMonitorSettings(
            iterations=3, num_prompts=2, num_generations=4, steps_per_generation=2, max_completion_length=3,
            save_every=1, optimizer=FAST, refresh_every=2, monitor_tokens=3,
        ),
        {"penalty": -2.0},
        "settings.penalty was -1.0, is -2.0",
    ),
    "spc": (
        SPCSettings(
            iterations=2, steps=1, lessons=6, games=6, eval_steps=0, max_completion_length=3, batch_size=4,
            optimizer=FAST,
        ),
        {"epsilon": 0.3},
        "settings.epsilon was 0.2, is 0.3",
    ),
    "sft": (
        SFTSettings(num_train_epochs=1, batch_size=8, log_every=1, save_every=1, optimizer=FAST),
        {"batch_size": 4},
        "settings.batch_size was 8, is 4",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons")
    evaluate(SayLetter, teacher, episodes=24, env_kwargs={"turns": 2}, out=folder, progress=False)
    gym.register("SayLetter-v0", entry_point="text_worlds:SayLetter")
    corrected = Worlds("SelfCorrect-v0", {"env": "SayLetter-v0", "revise": "again"})
    yield {
        "environment": Worlds(SayLetter),
        "score": corrected,
        "records": Records([folder]),
        "spc": Matches("Critique-v0", {}, {"rules": False}),
    }
    del gym.registry["SayLetter-v0"]


def test_every_trainer_has_a_case():
    assert {name.split()[0] for name in CASES} == set(TRAINERS.names(language=True))


@pytest.fixture(params=CASES)
def case(request, sources):
    """Train with the method: ``case(engine, **options)``; its settings are ``case.settings``."""

    class Case:
        name = request.param.split()[0]
        settings, change, difference = CASES[request.param]
        source = sources.get(name) or sources[TRAINERS.facts(name).learns_from]

        def __call__(self, engine, settings=None, **options):
            return TRAINERS.load(self.name)(engine, self.source, settings or self.settings, **options)

        def changed(self, **changes):
            import dataclasses

            return dataclasses.replace(self.settings, **changes)

    return Case()


def test_it_returns_an_agent_and_writes_a_run_with_a_model(case, fresh, tmp_path):
    engine, rows = fresh(), []
    trained = case(engine, out=tmp_path, seed=4, on_log=rows.append)
    assert isinstance(trained, Trained)
    assert trained.facts["method"] == case.name
    assert trained.facts["seed"] == 4
    assert rows == list(trained.curve) == read_metrics(tmp_path)
    assert [row["step"] for row in rows] == [1, 2, 3]
    report = evaluate(SayLetter, trained, episodes=2, progress=False)
    assert report.errors == 0
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert (manifest["kind"], manifest["config"]["method"]) == ("train", case.name)
    assert "trl" in manifest["versions"]
    again = make_engine("transformers", model=str(tmp_path / "model"))
    assert equal(weights(again), weights(engine))
    again.close()


def test_what_a_trainer_returned_can_be_trained_on(case, fresh):
    engine = fresh()
    trained = case(engine)
    before = weights(engine)
    assert case(trained).policy.engine is engine
    assert not equal(before, weights(engine))


def test_equal_seeds_give_equal_weights_and_others_do_not(case, fresh):
    found = []
    for seed in (1, 1, 2):
        engine = fresh()
        case(engine, seed=seed)
        found.append(weights(engine))
    assert equal(found[0], found[1])
    assert not equal(found[0], found[2])


def test_a_finished_training_is_not_trained_on(case, fresh, tmp_path):
    engine, again = fresh(), fresh()
    case(engine, out=tmp_path)
    before = read_metrics(tmp_path)
    case(again, out=tmp_path, resume=True)
    assert equal(weights(engine), weights(again))
    assert read_metrics(tmp_path) == before


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_a_training_that_was_killed_and_resumed_equals_one_that_was_not(case, fresh, tmp_path, killed_after):
    if case.name in ("score", "cot-monitor") and killed_after != 2:
        pytest.skip("it resumes as GRPO does")
    whole, again = fresh(), fresh()
    case(whole, out=tmp_path / "whole")

    def kill(row):
        if row["step"] == killed_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case(fresh(), out=tmp_path / "parts", on_log=kill)
    case(again, out=tmp_path / "parts", resume=True)
    assert equal(weights(whole), weights(again))
    assert read_metrics(tmp_path / "whole") == read_metrics(tmp_path / "parts")


@pytest.mark.parametrize("case", ["grpo", "grpo with a critic", "sft"], indirect=True)
def test_a_training_of_adapters_that_was_killed_and_resumed_equals_one_that_was_not(case, fresh, tmp_path):
    whole, again = fresh(), fresh()
    adapted = case.changed(lora=LoraSettings(r=4))
    case(whole, adapted)

    def kill(row):
        if row["step"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case(fresh(), adapted, out=tmp_path, on_log=kill)
    case(again, adapted, out=tmp_path, resume=True)
    assert equal(weights(whole), weights(again))


def test_a_folder_is_not_trained_into_twice_and_not_resumed_with_other_settings(case, fresh, tmp_path):
    case(fresh(), out=tmp_path)
    with pytest.raises(RecordError, match="already holds"):
        case(fresh(), out=tmp_path)
    with pytest.raises(RecordError, match=case.difference):
        case(fresh(), case.changed(**case.change), out=tmp_path, resume=True)


def test_a_disk_that_fills_up_during_a_checkpoint_leaves_the_last_good_one(case, fresh, tmp_path, monkeypatch):
    calls, save = itertools.count(), torch.save

    def full(data, path, *rest, **options):
        if "optimizer" in str(path) and next(calls) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(data, path, *rest, **options)

    whole, again = fresh(), fresh()
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RecordError, match=r"checkpoint-\d is complete.*resume"):
        case(fresh(), out=tmp_path / "parts")
    case(again, out=tmp_path / "parts", resume=True)
    case(whole, out=tmp_path / "whole")
    assert equal(weights(again), weights(whole))


def test_adapters_are_merged_at_the_end_and_depend_on_the_seed_alone(case, fresh):
    engine, again = fresh(), fresh()
    before = weights(engine)
    adapted = case.changed(lora=LoraSettings(r=4))
    case(engine, adapted)
    torch.rand(7)  # the process's own random numbers go on
    case(again, adapted)
    after = weights(engine)
    assert equal(after, weights(again))
    assert all(weight.requires_grad for weight in engine.model.parameters())
    assert before.keys() == after.keys()  # no adapter is left
    assert torch.equal(before["model.embed_tokens.weight"], after["model.embed_tokens.weight"])
    assert not torch.equal(before["model.layers.0.mlp.up_proj.weight"], after["model.layers.0.mlp.up_proj.weight"])


def test_an_engine_that_cannot_train_and_an_agent_without_a_model_are_refused(case):
    with pytest.raises(CapabilityError, match="training"):
        case(make_engine("scripted:a"))
    with pytest.raises(ConfigurationError, match="chat agent"):
        case("random")


def test_a_closed_training_leaves_no_trace_in_the_process(case, fresh):
    """Threads, verbosity of transformers and the mode of the model are as before."""
    import transformers

    engine = fresh()
    before = torch.get_num_threads(), transformers.utils.logging.get_verbosity()
    case(engine)
    assert (torch.get_num_threads(), transformers.utils.logging.get_verbosity()) == before
    assert not engine.model.training
