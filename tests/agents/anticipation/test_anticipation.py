"""Detectors that anticipate the next step, with and without a language model."""

import pytest

import quintain
from quintain.agents.anticipation import Bigram, NGram, TaskGraphLearner
from quintain.agents.anticipation.language import StepAnticipator, prompt_of
from quintain.engines import Reply, ScriptedEngine
from quintain.envs.procedures import DetectionCounts
from quintain.errors import ConfigurationError, UnknownNameError

KNOWN = [["a", "b", "c", "d"], ["a", "c", "b", "d"]]
SMALL = {"procedures": 3, "context": 4}


def counts(agent, episodes=20, **settings):
    report = quintain.evaluate("Procedure-v0", agent, episodes=episodes, env_kwargs=SMALL | settings)
    assert report.errors == 0
    return DetectionCounts.pooled(episode.info["metrics"] for episode in report.episodes)


def test_a_bigram_expects_what_followed_the_last_step():
    assert Bigram(KNOWN).expected([]) == {"a"}
    assert Bigram(KNOWN).expected(["a", "b"]) == {"c", "d"}
    assert Bigram(KNOWN).expected(["x"]) == set()


def test_an_n_gram_backs_off_to_shorter_endings():
    assert NGram(KNOWN).expected(["a", "b"]) == {"c"}
    assert NGram(KNOWN).expected(["x", "b"]) == {"c", "d"}
    with pytest.raises(ConfigurationError):
        NGram(KNOWN, order=1)


def test_a_task_graph_is_the_order_that_all_executions_keep():
    learned = TaskGraphLearner(KNOWN)
    assert learned.prerequisites == {
        "a": frozenset(), "b": frozenset("a"), "c": frozenset("a"), "d": frozenset("abc"),
    }  # fmt: skip
    assert learned.expected(["a"]) == {"b", "c"}
    assert learned.expected(["a", "b", "c", "d"]) == set()
    assert TaskGraphLearner([]).expected([]) == set()


def test_always_flagging_has_a_balanced_f1_of_two_thirds():
    found = counts(quintain.make_agent("mistake-detector", method="always-flag"))
    assert (found.recall, found.balanced_precision) == (1.0, 0.5)


def test_the_learned_task_graph_is_above_the_bigram_and_the_oracle_above_both():
    scores = [
        counts(agent).balanced_f1
        for agent in (
            quintain.make_agent("mistake-detector", method="random"),
            quintain.make_agent("mistake-detector", method="bigram"),
            quintain.make_agent("mistake-detector", method="task-graph"),
            "oracle",
        )
    ]
    assert scores == sorted(scores)
    assert scores[-1] == 1.0


def test_the_scope_decides_what_is_learned():
    narrow, wide = (
        quintain.evaluate(
            "Procedure-v0",
            quintain.make_agent("mistake-detector", method="bigram", scope=scope),
            episodes=10,
            env_kwargs={"context": 4},
        )
        for scope in ("procedure", "all")
    )
    sizes = [[e.info["metrics"]["set_size"] for e in report.episodes] for report in (narrow, wide)]
    assert sum(sizes[0]) < sum(sizes[1])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"method": "trigram"}, UnknownNameError),
        ({"scope": "some"}, ConfigurationError),
        ({"method": "n-gram", "options": {"order": 1}}, ConfigurationError),
        ({"method": "n-gram", "options": {"ordre": 3}}, ConfigurationError),
        ({"method": "random", "options": {"order": 3}}, ConfigurationError),
        ({"probability": 2}, ConfigurationError),
    ],
)
def test_wrong_arguments_are_refused(wrong, error):
    with pytest.raises(error):
        quintain.make_agent("mistake-detector", **wrong)


def test_the_prompt_shows_executions_with_their_last_step_as_the_next_one():
    prompt = prompt_of("tea", [["a", "b"]], ["a"])
    assert "Sequence: start, a\nNext step: b\n" in prompt
    assert prompt.endswith("Sequence: start, a\nNext step:")
    assert "Reasoning about the last sequence: because" in prompt_of("tea", [], [], "because")


def ranking(likeliest):
    """An engine whose likeliest choices are the ones given."""

    def script(request):
        logprobs = tuple(0.0 if choice.strip() in likeliest else -9.0 for choice in request.choices)
        return Reply(text=request.choices[0], finish_reason="choice", choice_logprobs=logprobs)

    return ScriptedEngine(script)


def test_the_likeliest_candidates_are_expected():
    report = quintain.evaluate("Procedure-v0", "random", episodes=1, env_kwargs=SMALL)
    assert report.episodes
    agent = StepAnticipator(ranking([]), top_k=2)
    report = quintain.evaluate("Procedure-v0", agent, episodes=4, env_kwargs=SMALL)
    assert report.errors == 0
    assert all(episode.info["metrics"]["set_size"] == 2 for episode in report.episodes)
    everything = counts(StepAnticipator(ranking([]), top_k=99), episodes=4, mistakes=["repetition"])
    assert (everything.tp, everything.fp) == (0, 0)


@pytest.mark.parametrize("prompting", ["zero-shot", "few-shot"])
def test_the_ranked_candidates_do_not_depend_on_the_step_that_is_judged(prompting):
    offered = []

    def script(request):
        offered.append(set(request.choices))
        return Reply(text=request.choices[0], finish_reason="choice", choice_logprobs=(0.0,) * len(request.choices))

    agent = StepAnticipator(ScriptedEngine(script), top_k=99, prompting=prompting)
    found = counts(agent, episodes=1, mistakes=["foreign"])
    assert len(offered) > 2
    assert all(choices == offered[0] for choices in offered)
    # A step of another procedure is not among those of the examples, and in the vocabulary.
    assert (found.tp, found.fn) == ((1, 0) if prompting == "few-shot" else (0, 1))


@pytest.mark.parametrize("prompting", ["zero-shot", "few-shot", "acot"])
def test_sampled_steps_are_a_set(prompting):
    prompts = []

    def script(request):
        prompts.append(request.prompt)
        return ["First", "first ", "second", ""][: request.n] if request.n > 1 else "It follows."

    agent = StepAnticipator(ScriptedEngine(script), samples=4, prompting=prompting)
    report = quintain.evaluate("Procedure-v0", agent, episodes=1, env_kwargs=SMALL)
    assert report.episodes[0].info["metrics"]["set_size"] == 2
    assert ("Next step: " in prompts[0]) == (prompting != "zero-shot")
    assert any("Reasoning about the last sequence: It follows." in prompt for prompt in prompts) == (
        prompting == "acot"
    )


def test_settings_of_the_anticipator_are_checked():
    for wrong in ({"prompting": "cot"}, {"top_k": 0}, {"samples": -1}, {"top_p": 0}, {"k": 3}):
        with pytest.raises(ConfigurationError):
            StepAnticipator(ScriptedEngine(), **wrong)
