"""Predictions of moves in logged games by a language model: prompts and accuracy."""

import pytest

from quintain.agents.games import LLMPlayer
from quintain.engines.engine import Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import ConfigurationError
from quintain.experiments.games import ScheduledMatch, metrics, play_matches, predict_moves

BOS = "battle_of_the_sexes"


def logged(*agents, game=BOS, rounds=6):
    return play_matches([ScheduledMatch(game, agents)], {}, env={"rounds": rounds})


def observer_of(rule, seen=None, **settings):
    def serve(request):
        text = request.messages[-1]["content"]
        if "round" not in text:  # the request that checks the labels
            return Reply(request.choices[0], "choice", completion_tokens=1)
        if seen is not None:
            seen.append(text)
        return Reply(rule(text, request.choices), "choice", completion_tokens=1)

    return LLMPlayer(ScriptedEngine(serve), **{"order": "first"} | settings)


def alternation(text, choices):
    """Predict the option that player 2 did not choose last; option F in the first two rounds."""
    history = [line for line in text.splitlines() if line.startswith("In round") and "player 2 chose" in line]
    if len(history) < 2:
        return " F"
    return " F" if "player 2 chose Option J" in history[-1] else " J"


def test_an_observer_that_follows_the_alternation_is_correct_from_the_third_round():
    (match,) = predict_moves(logged("always-cooperate", "alternator"), observer_of(alternation))
    # The alternator plays J F J F J F; predicted F F J F J F.
    assert metrics.prediction_accuracy(match, 0) == pytest.approx(5 / 6)
    assert metrics.first_settled_prediction(match, 0) == 2
    assert match.traces[1] == []


def test_the_observers_prompt_is_in_the_third_person():
    seen = []
    matches = logged("always-cooperate", "always-defect", rounds=2)
    predict_moves(matches, observer_of(lambda text, choices: choices[0], seen))
    assert "You watch player 1 and player 2" in seen[0]
    assert "If player 1 chooses Option J and player 2 chooses Option J, player 1 wins 10 points" in seen[0]
    assert "In round 1 player 1 chose Option J and player 2 chose Option F. Player 1 won 0 points" in seen[1]
    assert seen[0].endswith("Q: Which one will player 2 choose in this round: Option J or Option F?")

    seen.clear()
    predict_moves(matches, observer_of(lambda text, choices: choices[0], seen), view="player")
    assert "you chose Option J and the other player chose Option F" in seen[1]
    assert "Which one will the other player choose" in seen[0]


def test_either_seat_can_be_predicted():
    seen = []
    (match,) = predict_moves(
        logged("always-cooperate", "always-defect"), observer_of(lambda text, choices: " J", seen), seat=1
    )
    assert "will player 1 choose" in seen[0]
    assert metrics.prediction_accuracy(match, 1) == 1
    seen.clear()
    predict_moves(
        logged("always-cooperate", "always-defect"), observer_of(lambda t, c: " J", seen), seat=1, view="player"
    )
    assert "If you choose Option J and the other player chooses Option J, you win 7 points" in seen[0]


def test_labels_and_orders_follow_the_seed():
    def ask(seed):
        seen = []
        player = observer_of(lambda text, choices: choices[0], seen, labels="random", order="shuffled")
        predict_moves(logged("grim", "joss", game="prisoners_dilemma"), player, seed=seed)
        return seen

    assert ask(1) == ask(1)
    assert ask(1) != ask(2)


def test_all_prompts_are_sent_as_one_batch():
    player = observer_of(lambda text, choices: choices[0])
    calls = []
    generate = player.engine.generate

    async def observed_matches(requests):
        calls.append(len(requests))
        return await generate(requests)

    player.engine.generate = observed_matches
    predict_moves(logged("grim", "alternator") * 3, player)
    assert calls == [2, 18]  # the check of two labels, then three matches of six rounds


def test_more_than_two_players_and_unknown_views_are_refused():
    player = observer_of(lambda text, choices: choices[0])
    with pytest.raises(ConfigurationError, match="4 players"):
        predict_moves(logged(*["grim"] * 4, game="public_goods"), player)
    with pytest.raises(ConfigurationError, match="view must be"):
        predict_moves([], player, view="spectator")
