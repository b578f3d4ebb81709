"""Supervised fine-tuning on recorded episodes."""

import pytest
from text_worlds import SayLetter, teacher

from quintain import evaluate
from quintain.agents.language.chat import ChatAgent
from quintain.engines import make_engine
from quintain.errors import ConfigurationError, RecordError
from quintain.records import read_episodes
from quintain.training.language.sequences import NOT_WRITTEN
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.sft import SFTSettings, imitated_sequences, train_sft
from quintain.training.sources import Records

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

SETTINGS = SFTSettings(num_train_epochs=2, batch_size=8, log_every=1, optimizer=OptimizerSettings(learning_rate=5e-3))


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons")
    evaluate(SayLetter, teacher, episodes=40, env_kwargs={"turns": 2}, out=folder, progress=False)
    return folder


def test_only_actions_are_trained_on_and_turns_share_a_sequence(fresh, lessons):
    engine = fresh()
    agent = ChatAgent(engine, "Be brief.", extract=False)
    (sequence,), too_long = imitated_sequences(agent, read_episodes(lessons)[:1])
    text = engine.tokenizer.decode(sequence.token_ids)
    digit = read_episodes(lessons)[0].steps[0]["observation"]
    letter = teacher(digit)
    assert text == f"<system>Be brief.<end><user>{digit}<end><assistant>{letter}<end><user>next<end><assistant>z<end>"
    written = [t for t, turn in zip(sequence.token_ids, sequence.turns, strict=True) if turn != NOT_WRITTEN]
    assert engine.tokenizer.decode(written) == f"{letter}<end>z<end>"
    assert [turn for turn in sequence.turns if turn != NOT_WRITTEN] == [0, 0, 1, 1]
    assert too_long == 0


def test_what_is_sampled_continues_what_was_imitated(fresh):
    """A reply is tokenised for training as the engine tokenises it when it is shown again."""
    from quintain.engines import Request
    from quintain.messages import assistant, user

    engine = fresh()
    prompt, reply = engine.encode_turn(Request(messages=[user("7")]), "h")
    next_prompt, _ = engine.encode_turn(Request(messages=[user("7"), assistant("h"), user("next")]), "z")
    assert next_prompt[: len(prompt) + len(reply)] == prompt + reply


def test_it_learns_to_act_as_recorded(fresh, lessons):
    engine = fresh()
    trained = train_sft(engine, Records([lessons]), SETTINGS, seed=1)
    losses = [row["loss"] for row in trained.curve]
    assert losses[0] > 4  # about log(101), all characters alike
    assert losses[-1] < losses[0] / 2
    assert trained.facts["tokens"] == 40 * 4


def test_what_is_learned_does_not_depend_on_which_episode_ended_first(fresh, lessons, tmp_path):
    """A run's file has its episodes in the order in which they ended, which timing decides."""
    lines = (lessons / "episodes.jsonl").read_text().splitlines(keepends=True)
    rerun = lines[3].replace('"outcome": "success"', '"outcome": "failure"')
    other = tmp_path / "episodes.jsonl"
    other.write_text("".join([rerun, *reversed(lines)]))
    assert [record.index for record in Records([other]).episodes()] == list(range(40))

    def weights(source):
        engine = fresh()
        train_sft(engine, Records([source]), SETTINGS, seed=1)
        return list(engine.model.state_dict().values())

    for first, second in zip(weights(lessons), weights(other), strict=True):
        assert torch.equal(first, second)


def test_failed_episodes_are_not_learned_from(fresh, tmp_path):
    evaluate(SayLetter, lambda o: "7", episodes=4, out=tmp_path, progress=False)
    with pytest.raises(ConfigurationError, match="no episode with outcome success to learn from: 0 were found"):
        train_sft(fresh(), Records([tmp_path]))


def test_episodes_that_do_not_fit_are_counted(tmp_path, lessons):
    from quintain.training.language.nano import make_nano

    engine = make_engine("transformers", model=str(make_nano(tmp_path, "0.1M", context=4)))
    with pytest.raises(ConfigurationError, match="40 were found, of which 40 do not fit"):
        train_sft(engine, Records([lessons]))
    engine.close()


def test_episodes_without_text_are_refused(fresh, tmp_path):
    evaluate("CartPole-v1", "random", episodes=1, out=tmp_path, progress=False)
    with pytest.raises(ConfigurationError, match="not text"):
        train_sft(fresh(), Records([tmp_path], outcomes=("finished",)))


def test_a_missing_run_is_refused(fresh, tmp_path):
    with pytest.raises(RecordError, match="no run"):
        train_sft(fresh(), Records([tmp_path / "nothing"]))
    with pytest.raises(ConfigurationError, match="no runs"):
        Records([])


def test_an_agent_that_is_shown_less_of_the_history_imitates_with_less(fresh, tmp_path):
    evaluate(SayLetter, teacher, episodes=1, env_kwargs={"turns": 4}, out=tmp_path, progress=False)
    (record,) = read_episodes(tmp_path)
    engine = fresh()
    first = f"<user>{record.steps[0]['observation']}<end><assistant>"
    for limits in ({"history_turns": 1}, {"history_tokens": 20}):
        sequences, _ = imitated_sequences(ChatAgent(engine, extract=False, **limits), [record])
        last = engine.tokenizer.decode(sequences[-1].token_ids)
        assert last == f"{first.removesuffix('<assistant>')}<assistant>z<end><user>next<end><assistant>z<end>"
        assert len(sequences) == 3  # the third turn and the fourth do not begin with all before
    sequences, _ = imitated_sequences(ChatAgent(engine, extract=False), [record])
    assert len(sequences) == 1


def test_a_reply_ends_as_the_template_ends_it_where_the_model_stops_there(tmp_path):
    """Some models have an end token of texts, the tokenizer's, beside that of turns, the template's."""
    import json

    from quintain.engines import Request
    from quintain.messages import user
    from quintain.training.language.nano import make_nano

    folder = make_nano(tmp_path, "0.1M")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"eos_token": "<unknown>"}))
    ends = []
    for stops in ([1, 2], [2]):  # <end> and <unknown>; <unknown> alone
        for name in ("generation_config.json", "config.json"):
            described = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps(described | {"eos_token_id": stops}))
        engine = make_engine("transformers", model=str(folder))
        prompt, reply = engine.encode_turn(Request(messages=[user("7")]), "h")
        ends.append(engine.tokenizer.decode([*prompt, *reply]))
        engine.close()
    assert ends == ["<user>7<end><assistant>h<end>", "<user>7<end><assistant>h<unknown>"]
