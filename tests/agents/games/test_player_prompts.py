"""What a language model that plays a game is told: the parts of the prompt and their wording."""

import re

import pytest

from quintain.agents.games import LLMPlayer, Round, Wording
from quintain.agents.games.prompts import describe, describe_to_observer
from quintain.envs.games import RepeatedGame
from quintain.envs.games.words import describe_game
from tests.agents.games.scripted_matches import match, scripted


def test_the_prompt_has_its_documented_parts_in_order():
    seen = []
    player = LLMPlayer(scripted(lambda text, choices: seen.append((text, choices)) or choices[0]), order="first")
    match(player, rounds=2)
    text = seen[-1][0]
    parts = [
        "again and again",
        "There are 2 rounds in total",
        "If you choose Option J and the other player chooses Option F, you win 0 points and the other player wins 10",
        "In round 1 you chose Option J and the other player chose Option F. You won 0 points, the other player won 10",
        "This is round 2.",
        "Q: Which one do you choose in this round: Option J or Option F?",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert seen[-1][1] == (" J", " F")


def test_the_second_players_prompt_has_its_own_payoffs():
    rules = RepeatedGame("battle_of_the_sexes").rules_seen_by(1)
    text = describe(rules, [], ("J", "F"), Wording())
    assert (
        "If you choose Option J and the other player chooses Option J, you win 7 points and the other player wins 10"
        in text
    )
    skewed = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    text = describe(RepeatedGame(skewed).rules_seen_by(1), [], ("J", "F"), Wording())
    # Player 1 choosing F against J is the cell (0, 1): 6 for itself, 2 for the other.
    assert (
        "If you choose Option F and the other player chooses Option J, you win 6 points and the other player wins 2"
        in text
    )


def test_every_prompt_variation_changes_the_prompt():
    rules = RepeatedGame(unit="coins").rules_seen_by(0)
    wording = Wording("cooking", spell_numbers=True, goal=True, forgiveness=True, disclosure="They defect once.")
    text = describe(rules, [Round((0, 1), (0.0, 10.0))], ("J", "F"), wording)
    for part in ("cooking contest", "Recipe J", "ten coins", "as many coins", "make mistakes", "They defect once."):
        assert part in text


def test_backwards_rules_reverse_the_order_of_the_lines():
    rules = RepeatedGame("battle_of_the_sexes").rules_seen_by(0)
    for write_rules in (describe, describe_to_observer):
        plain = write_rules(rules, [], ("J", "F"), Wording()).replace("J and Option F", "F and Option J").splitlines()
        assert (
            write_rules(rules, [], ("J", "F"), Wording(backwards=True)).splitlines()
            == plain[:2] + plain[5:1:-1] + plain[6:]
        )


def test_private_histories_and_hidden_horizons_are_not_in_the_prompt():
    rules = RepeatedGame(history="private", horizon="hidden", rounds=17).rules_seen_by(0)
    text = describe(rules, [Round((0, -1), (8.0, None))], ("J", "F"), Wording())
    assert "In round 1 you chose Option J and won 8 points." in text
    assert "17" not in text


def test_the_history_of_three_players_names_all_others():
    rules = RepeatedGame("public_goods", game_args={"players": 3}).rules_seen_by(1)
    text = describe(rules, [Round((0, 1, -1), (0.0, 0.0, 0.0))], ("J", "F"), Wording())
    assert "2 other players" in text
    assert "player 2 chose Option F and player 3 chose nothing valid" in text


@pytest.mark.parametrize("value", [1000001, 1234567.5, 0.1234567, 5 / 3, -1e-7, 1e300, 2.0**53 - 1])
def test_payoffs_are_printed_with_all_digits(value):
    game = RepeatedGame([[[value, 0], [1, 1000000]], [[value, 1], [0, 1000000]]], 3)
    text = describe(game.rules_seen_by(0), [Round((0, 0), (value, value))], ("J", "F"), Wording())
    texts = [text, describe_to_observer(game.rules_seen_by(0), [], ("J", "F"), Wording())]
    texts.append(describe_game(game.game, game.rules, 0))
    for text in texts:
        numbers = [float(number) for number in re.findall(r"(-?\d[\d.e+-]*) points", text)]
        assert value in numbers
        assert "1000000 points" in text


def test_the_stopping_probability_is_printed_exactly():
    rules = RepeatedGame("chicken", 50, continuation=0.995).rules_seen_by(0)
    assert "a probability of 0.5%." in describe(rules, [], ("J", "F"), Wording())
    rules = RepeatedGame("chicken", 50, continuation=0.9).rules_seen_by(0)
    assert "a probability of 10%." in describe(rules, [], ("J", "F"), Wording())
