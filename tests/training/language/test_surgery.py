"""Model surgery on an untrained nano model: selection by hand-computed cosines, exact undo, export, serving."""

import asyncio
import json

import numpy as np
import pytest

from quintain.engines import Request, ScriptedEngine, make_engine
from quintain.errors import CapabilityError, ConfigurationError, RecordError
from quintain.evaluation.statistics import rate
from quintain.training.language.behaviour_probe import BehaviourProbe, ProbeSettings, mean_states, train_probe
from quintain.training.language.surgery import SurgerySettings, plan_surgery
from quintain.training.language.surgery_edit import apply_surgery, load_edit, save_edited

torch = pytest.importorskip("torch")
GOOD, BAD = ["7+5", "1+2", "3+4", "5+6", "8+8"], ["no", "bad", "mad", "sad", "dad"]


def weights(engine):
    return {name: tensor.detach().clone() for name, tensor in engine.model.named_parameters()}


@pytest.fixture
def probe(engine):
    width = engine.model.config.hidden_size
    weight = np.random.default_rng(3).standard_normal((2, width)).astype(np.float32)
    return BehaviourProbe(weight, np.zeros(2, dtype=np.float32), rate(4, 4), rate(1, 1))


def gate(engine, layer):
    return engine.model.model.layers[layer].mlp.gate_proj.weight.detach().numpy()


def test_states_are_means_over_tokens_without_padding(engine):
    found = mean_states(engine, ["7+5=12", "1"], layer=1, batch_size=2)
    for row, text in zip(found, ["7+5=12", "1"], strict=True):
        alone = engine.forward([text], hidden_states=True).hidden_states[1, 0].numpy()
        assert row == pytest.approx(alone.mean(0), abs=1e-5)
    with pytest.raises(ConfigurationError, match="layer must be in"):
        mean_states(engine, ["1"], layer=99)


def test_a_probe_separates_what_a_line_separates_and_row_1_is_the_unwanted_class():
    rng = np.random.default_rng(0)
    unwanted = np.arange(200) % 2 == 1
    states = rng.standard_normal((200, 6)).astype(np.float32)
    states[:, 0] += np.where(unwanted, 3, -3)
    found = train_probe(states, unwanted)
    assert found.test_accuracy.n == 40
    assert found.test_accuracy.estimate > 0.9
    assert found.weight[1, 0] > 0 > found.weight[0, 0]
    assert found.unwanted(np.array([[3, 0, 0, 0, 0, 0]], dtype=np.float32))[0] > 0.9
    assert np.array_equal(found.inverse().weight[1], found.weight[0])
    assert np.array_equal(train_probe(states, unwanted).weight, found.weight)  # equal seeds, equal probes
    with pytest.raises(ConfigurationError, match="at least two texts"):
        train_probe(states, np.arange(200) == 0)
    with pytest.raises(ConfigurationError, match="learning_rate"):
        ProbeSettings(learning_rate=0)


def test_the_lowest_cosines_of_all_layers_together_are_chosen(engine, probe):
    surgery = plan_surgery(engine, probe, SurgerySettings(fraction=0.05))
    direction = probe.weight[1]
    every = {
        (layer, row): float(vector @ direction / np.linalg.norm(vector) / np.linalg.norm(direction))
        for layer in range(engine.model.config.num_hidden_layers)
        for row, vector in enumerate(gate(engine, layer))
    }
    number = round(0.05 * len(every))
    assert set(zip(surgery.layers.tolist(), surgery.rows.tolist(), strict=True)) == set(
        sorted(every, key=every.__getitem__)[:number]
    )
    assert surgery.cosines.max() <= sorted(every.values())[number - 1] + 1e-6
    aligned = plan_surgery(engine, probe, SurgerySettings(fraction=0.05, selection="aligned"))
    assert aligned.cosines.min() >= sorted(every.values())[-number] - 1e-6
    facts = json.loads(json.dumps(surgery.describe()))
    assert (facts["edited"], facts["candidates"]) == (number, len(every))
    norms = [
        float(np.linalg.norm(v)) for layer in range(engine.model.config.num_hidden_layers) for v in gate(engine, layer)
    ]
    assert facts["relative_step"] == pytest.approx(np.linalg.norm(direction) / np.mean(norms), abs=1e-3)


def test_an_edit_adds_alpha_times_the_direction_to_these_rows_alone_and_is_undone_exactly(engine, probe):
    before = weights(engine)
    surgery = plan_surgery(engine, probe, SurgerySettings(alpha=0.3, fraction=0.01))
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(engine).items())  # a dry run
    edit = apply_surgery(engine, surgery)
    after = weights(engine)
    for layer, row in zip(surgery.layers, surgery.rows, strict=True):
        name = f"model.layers.{layer}.mlp.gate_proj.weight"
        expected = before[name][row].numpy() + np.float32(0.3) * probe.weight[1]
        assert after[name][row].numpy() == pytest.approx(expected, abs=1e-6)
        after[name][row] = before[name][row]
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.items())
    edit.undo(engine)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(engine).items())
    with pytest.raises(ConfigurationError, match="not those that this surgery left"):
        edit.undo(engine)


@pytest.mark.parametrize("matrix", ["up", "down", "q", "k", "v", "o"])
def test_other_matrices_are_edited_in_vectors_of_the_hidden_width(engine, probe, matrix):
    before = weights(engine)
    settings = SurgerySettings(matrix=matrix, fraction=0.01, selection="random", layers=(0,))
    edit = apply_surgery(engine, plan_surgery(engine, probe, settings))
    changed = [name for name, tensor in weights(engine).items() if not torch.equal(tensor, before[name])]
    assert len(changed) == 1
    assert changed[0].startswith("model.layers.0.")
    assert f".{matrix}_proj." in changed[0]
    edit.undo(engine)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(engine).items())


def test_a_random_direction_has_the_same_norm_and_rows(engine, probe):
    surgery = plan_surgery(engine, probe)
    random = surgery.with_random_direction(seed=1)
    assert np.linalg.norm(random.direction) == pytest.approx(np.linalg.norm(surgery.direction), rel=1e-5)
    assert np.array_equal(random.rows, surgery.rows)
    assert surgery.with_alpha(-2).relative_step == pytest.approx(-2 * surgery.relative_step)


def test_an_edited_model_is_a_model_folder_whose_last_edit_can_be_undone(engine, fresh, probe, tmp_path):
    before = weights(engine)
    first = apply_surgery(engine, plan_surgery(engine, probe, SurgerySettings(alpha=0.5)))
    between = weights(engine)
    second = apply_surgery(engine, plan_surgery(engine, probe.inverse(), SurgerySettings(alpha=0.5, layers=(1,))))
    folder = save_edited(engine, tmp_path / "edited", [first, second])
    again = make_engine("transformers", model=str(folder))
    assert all(torch.equal(tensor, weights(engine)[name]) for name, tensor in weights(again).items())
    load_edit(folder, again).undo(again)
    assert all(torch.equal(tensor, between[name]) for name, tensor in weights(again).items())
    again.close()
    second.undo(engine)
    first.undo(engine)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(engine).items())
    with pytest.raises(RecordError):
        load_edit(tmp_path, engine)


def test_a_model_that_is_served_is_edited_between_two_steps(engine, probe):
    surgery = plan_surgery(engine, probe, SurgerySettings(alpha=50.0))

    async def serve():
        request = Request(prompt="7+5=", max_tokens=60, temperature=1, seed=1)
        running = asyncio.create_task(engine.generate([request] * 4))
        await asyncio.sleep(0.02)
        edit = await asyncio.to_thread(apply_surgery, engine, surgery)
        replies = await running
        return edit, replies

    edit, replies = asyncio.run(serve())
    assert all(reply.completion_tokens > 0 for [reply] in replies)
    edit.undo(engine)


def test_what_cannot_be_edited_is_refused(engine, probe):
    with pytest.raises(CapabilityError, match="training"):
        plan_surgery(ScriptedEngine(), probe)
    with pytest.raises(ConfigurationError, match="layers 0 to"):
        plan_surgery(engine, probe, SurgerySettings(layers=(77,)))
    with pytest.raises(ConfigurationError, match="selection must be one of"):
        SurgerySettings(selection="best")
    narrow = BehaviourProbe(np.ones((2, 5), dtype=np.float32), np.zeros(2), rate(1, 1), rate(1, 1))
    with pytest.raises(ConfigurationError, match="train a probe on this model"):
        plan_surgery(engine, narrow)
    for block in engine.model.model.layers:
        block.mlp.gate_proj = torch.nn.Identity()
    with pytest.raises(ConfigurationError, match=r"no weights named '\*\.LAYER\.mlp\.gate_proj\.weight'"):
        plan_surgery(engine, probe)
