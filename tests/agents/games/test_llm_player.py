"""Language models as players: prompts, parsing of replies, debiasing, trace."""

import asyncio

import pytest

import quintain
from quintain.agents.games import LLMPlayer, PlayerSettings, Wording
from quintain.engines.engine import Engine, Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.envs.games import RepeatedGame
from quintain.errors import AgentError, CapabilityError, ConfigurationError, EngineError
from tests.agents.games.scripted_matches import match, question, scripted


def test_a_model_that_never_forgives_reproduces_the_published_transcript():
    """GPT-4 cooperates once, sees the defection and defects nine times: 90 points, 10 for the other."""

    def unforgiving(text, choices):
        return " F" if "the other player chose Option F" in text else " J"

    moves, _, returns = match(LLMPlayer(scripted(unforgiving), order="first"))
    assert moves == [0] + [1] * 9
    assert returns == {"player_0": 90.0, "player_1": 10.0}


def test_the_answer_is_prefilled_if_the_engine_supports_prefill():
    request = LLMPlayer(ScriptedEngine("x")).questions.request("Q?", ("J", "F"), 0)
    assert request.prefill == "A: Option"
    assert request.choices == (" J", " F")
    assert request.temperature == 0


def test_predict_first_adds_the_prediction_to_a_second_request():
    asked = []

    def rule(text, choices):
        asked.append(text)
        if "Which one will the other player choose" in text:
            return " F"
        return " F" if "You expect the other player to choose Option F" in text else " J"

    moves, trace, _ = match(LLMPlayer(scripted(rule), predict_first=True), rounds=3)
    assert moves == [1, 1, 1]
    assert [choice.kind for choice in trace] == ["prediction", "action"] * 3
    assert [choice.round for choice in trace] == [1, 1, 2, 2, 3, 3]
    assert len(asked) == 6


def test_the_trace_records_the_order_of_the_options():
    moves, trace, _ = match(LLMPlayer(scripted(lambda text, choices: choices[0])), rounds=40)
    assert [choice.option for choice in trace] == [choice.first for choice in trace] == moves
    assert 5 < sum(moves) < 35  # the order is shuffled every round


def test_averaging_over_orders_removes_a_bias_for_the_first_name():
    def biased(text, choices):
        prefer = [0.3 if choice == " F" else 0.0 for choice in choices]
        return [prefer[0] + 1.0, prefer[1]]

    plain, _, _ = match(LLMPlayer(scripted(biased)), rounds=30)
    assert set(plain) == {0, 1}
    moves, trace, _ = match(LLMPlayer(scripted(biased), debias="order"), rounds=30)
    assert moves == [1] * 30
    # Log-odds 0.3 for F remain, the bias of 1.0 cancels.
    assert trace[0].probabilities[1] == pytest.approx(1 / (1 + 2.718281828**-0.3))
    assert trace[0].first == -1


def test_averaging_over_exchanged_labels_removes_a_bias_for_a_letter():
    """The model likes the letter J, and a little more the option that pays 10 against a cooperator."""

    def rule(text, choices):
        tempting = " J" if "If you choose Option J and the other player chooses Option F, you win 10" in text else " F"
        return [(1.0 if choice == " J" else 0.0) + (0.2 if choice == tempting else 0.0) for choice in choices]

    moves, trace, _ = match(LLMPlayer(scripted(rule), debias="order"), rounds=5)
    assert (moves, {choice.label for choice in trace}) == ([0] * 5, {"J"})
    moves, trace, _ = match(LLMPlayer(scripted(rule), debias="labels"), rounds=5)
    assert (moves, {choice.label for choice in trace}) == ([1] * 5, {""})  # each label stood for either option


def test_debiasing_without_log_probabilities_raises_agent_error():
    with pytest.raises(AgentError, match="log-probabilities"):
        quintain.play(
            RepeatedGame(),
            {"player_0": LLMPlayer(ScriptedEngine(lambda r: r.choices[0]), debias="order"), "player_1": "grim"},
        )


@pytest.mark.parametrize(
    ("text", "option"), [("J", 0), (" F.", 1), ("Option F", 1), ("perhaps", -1), ("", -1), ("j", -1)]
)
def test_free_text_is_parsed_strictly_and_illegal_output_is_counted(text, option):
    player = LLMPlayer(ScriptedEngine(text), constrained=False)
    _, trace, returns = match(player, rounds=1)
    assert trace[0].option == option
    assert (returns["player_0"] == -10) == (option == -1)


def test_without_prefill_the_prompt_requests_the_label_only():
    class Bare(Engine):
        name = "bare"
        capabilities = frozenset({"chat", "choices"})
        asked: list[str]

        async def _generate(self, requests):
            self.asked = [question(request) for request in requests]
            return [[Reply(request.choices[0], "choice", completion_tokens=1)] for request in requests]

    engine = Bare()
    moves, _, _ = match(LLMPlayer(engine, order="first"), rounds=1)
    assert moves == [0]
    assert engine.asked[0].endswith("Reply with J or F only.")


def test_a_label_of_two_tokens_is_refused():
    def serve(request):
        return Reply(request.choices[0], "choice", completion_tokens=2 if request.choices[0] == " Qx" else 1)

    with pytest.raises(ConfigurationError, match="label 'Qx' takes 2 tokens"):
        quintain.play(
            RepeatedGame(), {"player_0": LLMPlayer(ScriptedEngine(serve), labels=("J", "Qx")), "player_1": "grim"}
        )


def test_a_label_check_that_failed_is_repeated_in_the_next_episode():
    asked = []

    def serve(request):
        asked.append(request)
        if len(asked) == 1:
            raise EngineError("503")
        return Reply(request.choices[0], "choice", completion_tokens=1)

    report = quintain.play(
        RepeatedGame, {"player_0": LLMPlayer(ScriptedEngine(serve)), "player_1": "grim"}, episodes=3, concurrency=1
    )
    assert [episode.outcome == "error" for episode in report.episodes] == [True, False, False]


class Server(Engine):
    """Like an OpenAI-compatible server: supports ``top_logprobs``, but neither prefill nor choices."""

    name = "server"
    capabilities = frozenset({"chat", "top_logprobs"})

    def __init__(self, top_logprobs):
        self.top_logprobs = top_logprobs
        self.requests = []

    async def _generate(self, requests):
        self.requests += requests
        return [[Reply("The", top_logprobs=self.top_logprobs(question(request)))] for request in requests]


def biased(text):
    """Prefers the option that is named first, and Option F slightly more."""
    first = text.split("round: Option ")[-1][0]
    return ((("The", -0.1), ("J", -1.0 - (first != "J")), (" F", -0.8 - (first != "F")), ("Q", -9.0)),)


def test_labels_are_read_from_top_logprobs_if_choices_are_unsupported():
    engine = Server(biased)
    moves, trace, _ = match(LLMPlayer(engine, order="first"), rounds=3)
    assert (moves, trace[0].label, trace[0].first) == ([0, 0, 0], "J", 0)
    assert trace[0].probabilities[0] == pytest.approx(1 / (1 + 2.718281828**-0.8))
    assert (engine.requests[0].top_logprobs, engine.requests[0].max_tokens) == (20, 1)
    moves, trace, _ = match(LLMPlayer(engine, debias="order"), rounds=3)
    assert moves == [1, 1, 1]
    assert trace[0].probabilities[1] == pytest.approx(1 / (1 + 2.718281828**-0.2))


@pytest.mark.parametrize("debias", ["none", "labels"])
def test_a_reply_without_a_label_in_top_logprobs_is_illegal_output(debias):
    moves, trace, returns = match(LLMPlayer(Server(lambda text: ((("The", -0.1),),)), debias=debias), rounds=1)
    assert (moves, trace[0].label, returns["player_0"]) == ([-1], "The", -10)


@pytest.mark.parametrize(
    ("engine", "settings", "reason"),
    [
        (Server(lambda text: None), {}, "choice among labels .* gave none; set constrained=False"),
        (Server(lambda text: None), {"debias": "order"}, "debiasing .* gave none"),
        (ScriptedEngine(lambda r: r.choices[0]), {"debias": "labels"}, "debiasing .* gave none; leave debiasing out"),
    ],
    ids=["constrained", "debiased", "choices without probabilities"],
)
def test_check_finds_missing_log_probabilities_before_a_run(engine, settings, reason):
    with pytest.raises(CapabilityError, match=reason):
        asyncio.run(LLMPlayer(engine, **settings).check())


@pytest.mark.parametrize(("status", "raised"), [(400, CapabilityError), (500, EngineError)])
def test_status_400_means_that_log_probabilities_are_unsupported(status, raised):
    def refuse(text):
        raise EngineError("logprobs are not supported", status=status)

    with pytest.raises(raised, match="logprobs are not supported"):
        asyncio.run(LLMPlayer(Server(refuse)).check())


def test_check_accepts_a_usable_player():
    for player in (
        LLMPlayer(Server(biased), debias="labels", labels="random"),
        LLMPlayer(ScriptedEngine("x"), constrained=False),
        LLMPlayer(scripted(lambda text, choices: [-1.0] * len(choices)), debias="order"),
    ):
        asyncio.run(player.check())


@pytest.mark.llm
def test_labels_are_checked_in_the_vocabulary_of_a_real_model(smol_engine):
    asyncio.run(LLMPlayer(smol_engine).questions.check_labels(("J", "F")))
    with pytest.raises(ConfigurationError, match="label 'Qx' takes 2 tokens"):
        asyncio.run(LLMPlayer(smol_engine).questions.check_labels(("J", "Qx")))


def test_random_labels_are_equal_for_all_players_of_a_match():
    seen = []

    def rule(text, choices):
        if "Q: Which one do you choose in" in text:
            seen.append(frozenset(choices))
        return choices[0]

    for seed in range(4):
        player = LLMPlayer(scripted(rule), labels="random")
        quintain.play(RepeatedGame(rounds=1), {"player_0": player, "player_1": player}, seed=seed)
    assert all(seen[k] == seen[k + 1] for k in range(0, 8, 2))
    assert len(set(seen)) > 1


def test_three_options_need_three_labels():
    engine = scripted(lambda text, choices: choices[2])
    player = LLMPlayer(engine, labels=("J", "F", "K"), order="first")
    moves, _, _ = match(player, "fictitious-play", "rock_paper_scissors", rounds=3)
    assert moves == [2, 2, 2]
    with pytest.raises(ConfigurationError, match="3 options"):
        match(LLMPlayer(engine), "fictitious-play", "rock_paper_scissors", rounds=1)


def test_equal_seeds_give_equal_requests():
    def run():
        asked = []
        player = LLMPlayer(scripted(lambda text, choices: asked.append((text, choices)) or choices[0]))
        match(player, "random", seed=3)
        return asked

    assert run() == run()


def test_actions_in_text_environments_are_option_names():
    engine = scripted(lambda text, choices: choices[-1])
    moves, _, _ = match(LLMPlayer(engine, order="first"), rounds=2, view="text")
    assert moves == [1, 1]


def test_requests_of_all_players_are_sent_concurrently():
    sizes = []

    class Counting(ScriptedEngine):
        async def _generate(self, requests):
            sizes.append(len(requests))
            await asyncio.sleep(0)
            return await super()._generate(requests)

    player = LLMPlayer(Counting(lambda r: r.choices[0]), debias="none")
    quintain.play(RepeatedGame(rounds=1), {"player_0": player, "player_1": player})
    assert sum(sizes) == 2 + 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"labels": ("J", "J")},
        {"labels": ("J", " F")},
        {"labels": ("", "F")},
        {"order": "random"},
        {"debias": "both"},
        {"debias": "order", "constrained": False},
        {"cover": "opera"},
        {"colour": "red"},
    ],
)
def test_settings_out_of_range_raise_configuration_error(arguments):
    with pytest.raises(ConfigurationError):
        LLMPlayer(ScriptedEngine("x"), **arguments)


def test_settings_can_be_given_as_an_object_or_by_keyword():
    whole = PlayerSettings(predict_first=True, wording=Wording(goal=True))
    assert LLMPlayer(ScriptedEngine("x"), whole, order="last").settings == PlayerSettings(
        predict_first=True, order="last", wording=Wording(goal=True)
    )
    assert LLMPlayer(ScriptedEngine("x"), goal=True).describe()["wording"]["goal"] is True


def test_an_engine_without_chat_or_prompt_raises_capability_error():
    class Mute(ScriptedEngine):
        def __init__(self):
            super().__init__("x")
            self.capabilities = frozenset({"choices"})

    with pytest.raises(CapabilityError):
        LLMPlayer(Mute())


def test_other_environments_are_refused():
    actor = LLMPlayer(ScriptedEngine("x")).begin(
        quintain.agents.Seat("CartPole-v1", "agent", RepeatedGame().action_space("player_0"),
                             RepeatedGame().action_space("player_0"), 0)
    )  # fmt: skip
    with pytest.raises(CapabilityError, match="repeated games"):
        asyncio.run(actor.act(None, {}))
