"""Questionnaire-v0: keys after meaning, labels by position or by option, orders, readings, and data at fault."""

import itertools
from collections import Counter

import gymnasium as gym
import pytest

import quintain
from quintain.agents.language import RespondentAgent
from quintain.engines import Reply, ScriptedEngine
from quintain.envs.questionnaires import load_instrument, load_template, order_set, read_choice, template_names
from quintain.errors import CapabilityError, ConfigurationError

SCALE = ["Agree", "Neither", "Disagree"]
TWO = {
    "name": "two",
    "kind": "self-report",
    "scale": SCALE,
    "items": [
        {"id": "plus", "trait": "T", "key": 1, "text": "Am calm."},
        {"id": "minus", "trait": "T", "key": -1, "text": "Am loud."},
    ],
}
SCENARIO = {
    "kind": "scenario",
    "items": [
        {
            "personality": "Openness", "situation": "A new stall opened.", "query": "Go there?",
            "response_high1": "go", "response_high2": "taste it all", "response_low1": "stay", "response_low2": "wait",
            "paraphrased_situation": "There is a new stall.", "paraphrased_query": "Should I try it?",
        }
    ],
}  # fmt: skip


def answered(action, item=0, **kwargs):
    env = gym.make("Questionnaire-v0", **{"instrument": TWO, **kwargs})
    env.reset(options={"item": item})
    return env.step(action)[4]


def test_the_key_applies_to_what_the_option_means():
    for item, value in ((0, 3.0), (1, 1.0)):
        assert answered("A", item)["value"] == value  # agreement
        assert answered("C", item, order="reversed")["value"] == value  # agreement, listed last
        assert answered("Agree", item, order="reversed")["value"] == value
    assert answered("A")["pole"] == "high"
    assert answered("B")["pole"] is None


def test_numbers_of_a_scale_stay_with_their_option_unless_the_ends_are_exchanged():
    for order in ("forward", "reversed"):
        assert answered("3", template="scale", order=order)["option"] == 0
        assert answered("3", template="scale", order=order, flip=True)["option"] == 2
    with pytest.raises(ConfigurationError, match="no numeric scale"):
        gym.make("Questionnaire-v0", instrument=TWO, template="accuracy", flip=True)


def test_the_prompt_lists_the_options_in_the_order_and_the_persona_first():
    env = gym.make("Questionnaire-v0", template="words", order="reversed", persona="low:Openness")
    shown, info = env.reset(seed=3)
    assert shown.startswith(info["system"])
    assert "low openness" in info["system"]
    assert shown.index("Very inaccurate") < shown.index("Very accurate")
    assert info["labels"][0] == "Very inaccurate"
    assert "key" not in info
    assert "value" not in info


def test_a_scenario_has_two_high_and_two_low_options_in_the_published_orders():
    assert [answered(label, instrument=SCENARIO)["pole"] for label in "ABCD"] == ["high", "low", "high", "low"]
    back = [answered(label, instrument=SCENARIO, order="reversed")["pole"] for label in "ABCD"]
    assert back == ["low", "high", "low", "high"]
    env = gym.make("Questionnaire-v0", instrument=SCENARIO, paraphrase=True)
    assert "There is a new stall.\nShould I try it?" in env.reset()[0]


def test_latin_squares_are_balanced_and_all_orders_are_all():
    for n in (4, 5):
        square = order_set("latin", "scenario", n)
        for column in zip(*square, strict=True):
            assert len(set(Counter(column).values())) == 1
        pairs = Counter(pair for row in square for pair in itertools.pairwise(row))
        assert len(pairs) == n * (n - 1)
        assert len(set(pairs.values())) == 1
    assert len(set(order_set("all", "scenario", 4))) == 24


def test_the_bundled_items_are_keyed_in_both_directions():
    found = load_instrument("ipip-100")
    assert len(found.items) == 100
    assert found.licence == "public domain"
    assert all(min(counts) >= 5 and sum(counts) == 20 for counts in found.balance().values())


@pytest.mark.parametrize(
    ("text", "position", "refused"),
    [
        ("B", 1, False), ("b.", 1, False), ("(C) Disagree", 2, False), ("Answer: A", 0, False), ("disagree", 2, False),
        ("I would choose B, because it fits.", 1, False), ("A person like me says C.", 2, False),
        ("I neither do nor don't: Neither", 1, False), ("The answer is A.", 0, False), ("A friend", None, False),
        ("A or B", None, False), ("Agree and disagree", None, False), ("", None, False), ("\ud800", None, False),
        ("As an AI model, I do not have feelings.", None, True), ("I'm sorry, I can't answer that.", None, True),
        ("As an AI I have no view, but I would pick C.", 2, False), ("<think>A or B?</think>B", 1, False),
        ("C. Agree", None, False), ("B. Neither", 1, False), ("A. Agree\n\nIt fits.", 0, False),
        ("A. One thing\nB. Another", None, False), ("C\n\nBecause.", 2, False),
    ],
)  # fmt: skip
def test_answers_are_read_and_refusals_told_apart(text, position, refused):
    found = read_choice(text, ["A", "B", "C"], SCALE, "Answer:")
    assert (found.position, found.refused) == (position, refused)


@pytest.mark.parametrize(
    ("text", "position", "refused"),
    [
        ("The answer is not B", None, False), ("The answer isn\u2019t B.", None, False), ("I'm not A", None, False),
        ("I can't choose between A", None, True), ("I would never pick B.", None, False),
        ("It is not A but C", 2, False), ("B is not right", None, False), ("I do not agree", None, False),
        ("I'm not sure, B", 1, False),
        ("I would not choose A. I choose B.", 1, False), ("I do not agree: disagree", 2, False),
    ],
)  # fmt: skip
def test_what_a_negation_excludes_was_not_chosen(text, position, refused):
    found = read_choice(text, ["A", "B", "C"], SCALE)
    assert (found.position, found.refused) == (position, refused)


@pytest.mark.parametrize(
    ("text", "position"),
    [("Answer: b", 1), ("my choice is (c).", 2), ("The answer is a.", 0), ("I choose a B", 1), ("I pick a card", None)],
)
def test_a_label_behind_a_word_that_names_it_is_read_in_either_case(text, position):
    assert read_choice(text, ["A", "B", "C"], SCALE).position == position


def test_an_option_inside_a_longer_one_is_not_read_from_it():
    options = ["Very accurate", "Accurate", "Not accurate"]
    assert read_choice("That is not accurate at all", ["1", "2", "3"], options).position == 2


def test_templates_of_a_kind_ask_the_same_with_labels_of_their_own():
    assert [load_template(name, "self-report").labels for name in template_names("self-report")] == [
        "letters", "scale", "words",
    ]  # fmt: skip
    assert len(template_names("scenario")) == 3
    own = {"text": "{item}? {options}", "option": "{label}-{option}", "labels": "letters", "separator": " "}
    assert gym.make("Questionnaire-v0", instrument=TWO, template=own).reset(options={"item": 0})[0] == (
        "Am calm.? A-Agree B-Neither C-Disagree"
    )
    with pytest.raises(ConfigurationError, match="unknown template 'bare'"):
        load_template("bare", "self-report")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"items": [{"id": "x", "trait": "T", "text": "Am."}]}, "needs a key"),
        ({"scale": ["Agree", "agree "]}, "an option twice"),
        ({"scale": ["Agree"]}, "without a scale"),
        ({"items": []}, "has no items"),
        ({"kind": "poll"}, "kind is"),
        ({"items": [TWO["items"][0]] * 2}, "several items with the id"),
        ({"traits": ["U"]}, "not among them"),
    ],
)
def test_instruments_at_fault_are_refused_when_the_environment_is_made(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        gym.make("Questionnaire-v0", instrument={**TWO, **changes})


def test_an_instrument_with_one_item_can_be_played():
    one = {**TWO, "items": TWO["items"][:1]}
    report = quintain.evaluate("Questionnaire-v0", "random", env_kwargs={"instrument": one})
    assert len(report.episodes) == 1


def test_a_respondent_chooses_among_whole_labels_and_records_their_probabilities():
    def choose(request):
        assert request.prefill == "Reply:"
        assert request.choices == (" Agree", " Neither", " Disagree")
        return Reply(request.choices[1], finish_reason="choice", choice_logprobs=(-2.0, -1.0, -3.0))

    engine = ScriptedEngine(choose, capabilities=["chat", "choices", "prefill"])
    kwargs = {"instrument": TWO, "template": "words"}
    report = quintain.evaluate("Questionnaire-v0", RespondentAgent(engine), env_kwargs=kwargs)
    assert [episode.info["value"] for episode in report.episodes] == [2.0, 2.0]
    (decision,) = report.episodes[0].decisions
    assert [each["logprob"] for each in decision["candidates"]] == [-2.0, -1.0, -3.0]


def test_an_engine_without_log_probabilities_is_refused_with_the_way_out():
    class Plain(ScriptedEngine):
        @property
        def capabilities(self):
            return frozenset({"chat"})

        @capabilities.setter
        def capabilities(self, value):
            pass

    engine = Plain("A")
    with pytest.raises(CapabilityError, match="readout='text'"):
        RespondentAgent(engine)
    report = quintain.evaluate("Questionnaire-v0", RespondentAgent(engine, "text"), env_kwargs={"instrument": TWO})
    assert [episode.info["value"] for episode in report.episodes] == [3.0, 1.0]


def test_a_model_that_refuses_everything_has_no_answers():
    agent = RespondentAgent(ScriptedEngine("As an AI, I have no personality."), "text")
    report = quintain.evaluate("Questionnaire-v0", agent, env_kwargs={"instrument": TWO})
    assert [(episode.outcome, episode.info["refused"]) for episode in report.episodes] == [("parse_error", True)] * 2


@pytest.mark.parametrize(
    "kwargs", [{}, {"instrument": "scenarios-160", "order": [2, 0, 3, 1], "persona": "low:Narcissism"}]
)
def test_the_environment_keeps_the_contracts(kwargs):
    assert quintain.check("Questionnaire-v0", kwargs).ok


@pytest.mark.parametrize("pick", [max, min])
def test_the_length_of_an_option_of_our_scenarios_does_not_tell_its_side(pick):
    instrument = load_instrument("scenarios-160")
    chosen = []
    for item in instrument.items:
        extreme = pick(len(option.text) for option in item.options)
        sides = [option.value for option in item.options if len(option.text) == extreme]
        chosen.append(sum(sides) / len(sides))
    assert sum(chosen) / len(chosen) == pytest.approx(0.5, abs=0.05)
    for trait in instrument.traits:
        sums = [0, 0]
        for item in instrument.items:
            for option in item.options:
                sums[int(option.value)] += len(option.text) * (item.trait == trait)
        assert sums[0] == pytest.approx(sums[1], rel=0.03)
