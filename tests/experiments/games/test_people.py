"""Records of people's matches: what they hold, consent, and the comparison of conditions."""

import csv
import io
import json

import pytest
from scipy.stats import ttest_ind

from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.independent_groups import unpaired_difference
from quintain.experiments.games import GameServer, Study, play_at_terminal, read_people

ENV = {"rounds": 2}


def match(study, moves, *, guess="machine", person="", waits=(1.5, 0.25)):
    """Play a match with a clock that stands still except for the given response times."""
    now = [0.0]
    played = study.start(person, agrees=True)
    played._clock = lambda: now[0]
    played.shown()
    for option, wait in zip(moves, waits, strict=True):
        now[0] += wait
        played.move(option)
        now[0] += 100  # the opponent thinks, which is not the person's time
        played.shown()
    study.finish(played, guess)
    return played


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_record_says_who_met_what_and_how(tmp_path):
    study = Study("grim", {"rounds": 2, "noise": 0.0}, out=tmp_path / "people.jsonl", order="reversed", seed=7)
    match(study, [1, 0], person="anna")
    (line,) = lines(tmp_path / "people.jsonl")
    assert line["participant"] == "anna"
    assert (line["opponent"], line["condition"]) == ("grim", "grim, prisoners_dilemma, 2 rounds")
    assert line["opponent_settings"]["name"] == "grim"
    assert (line["settings"]["rounds"], line["settings"]["noise"]) == (2, 0.0)
    assert (line["options"], line["option_order"]) == (["cooperate", "defect"], [1, 0])
    assert line["response_s"] == [1.5, 0.25]
    assert (line["seed"], line["match"], line["schema"]) == (7, 0, 2)
    assert line["moves"] == [[1, 0], [0, 1]]
    assert line["consent"] is None


def test_options_are_shuffled_by_the_seed(tmp_path):
    orders = [tuple(Study(order="shuffled", seed=seed).start().state()["order"]) for seed in range(20)]
    assert set(orders) == {(0, 1), (1, 0)}
    assert orders == [tuple(Study(order="shuffled", seed=seed).start().state()["order"]) for seed in range(20)]
    assert {tuple(Study(seed=seed).start().state()["order"]) for seed in range(5)} == {(0, 1)}


def test_nothing_begins_without_consent(tmp_path):
    with GameServer(env=ENV, consent="We record.", out=tmp_path / "people.jsonl") as server:
        assert server.answer("/consent", {}) == {"text": "We record."}
        for data in ({}, {"agrees": "yes"}, {"participant": "anna"}):
            with pytest.raises(ConfigurationError, match="has not agreed"):
                server.answer("/start", data)
        state = server.answer("/start", {"agrees": True})
        again = server.answer("/start", {"participant": state["participant"]})  # agreed already
        assert (again["participant"], again["match"]) == (state["participant"], 1)
        for option in (0, 0):
            server.answer("/move", {"id": state["id"], "option": option})
        server.answer("/guess", {"id": state["id"], "guess": "human"})
    (line,) = lines(tmp_path / "people.jsonl")
    assert set(line["consent"]) == {"text_sha256", "agreed"}


def test_a_person_who_does_not_agree_leaves_no_record(tmp_path):
    shown = []
    study = Study(env=ENV, consent="We record.", out=tmp_path / "people.jsonl")
    assert play_at_terminal(study, read=lambda prompt: "no", write=shown.append) == 0
    assert shown == ["We record.\n", "Nothing was recorded."]
    assert not (tmp_path / "people.jsonl").exists()


def test_the_other_players_score_is_hidden_where_histories_are_private():
    assert Study(env={**ENV, "history": "private"}).start().state()["other_score"] is None
    assert Study(env=ENV).start().state()["other_score"] == 0
    hidden = Study(env={**ENV, "horizon": "hidden"}).start().state()
    assert hidden["rounds"] is None
    assert Study(env=ENV).start().state()["rounds"] == 2


@pytest.mark.parametrize("options", [{"order": "random"}, {"seat": 2}, {"out": "no/such/folder/people.jsonl"}])
def test_invalid_studies_are_refused(options):
    with pytest.raises(ConfigurationError):
        Study(**options)
    with pytest.raises(ConfigurationError, match="1 to 40 letters"):
        Study().start("<b>Anna</b>")


def test_conditions_are_told_apart_and_compared(tmp_path):
    moves = {"grim": ([0, 0], [0, 0], [0, 1]), "always-defect": ([1, 1], [1, 0], [1, 1])}
    for opponent, choices in moves.items():
        study = Study(opponent, ENV, out=tmp_path / "people.jsonl", condition=opponent)
        for number, chosen in enumerate(choices):
            match(study, chosen, person=f"{opponent}-{number}", guess="human" if opponent == "grim" else "machine")
    people = read_people(tmp_path / "people.jsonl")
    assert people.conditions == ["grim", "always-defect"]
    by = people.by_condition()
    assert by["grim"]["cooperation"].estimate == pytest.approx((1 + 1 + 0.5) / 3)
    assert by["grim"]["response_s"].estimate == pytest.approx((1.5 + 0.25) / 2)
    assert by["grim"]["guessed_human"].estimate == 1
    tests = {test.measure: test for test in people.compare()}
    cooperation = tests["cooperation"]
    assert cooperation.difference.estimate == pytest.approx(2.5 / 3 - 0.5 / 3)
    assert cooperation.difference == unpaired_difference([1, 1, 0.5], [0, 0.5, 0], bounds=(0, 1), unit="participants")
    payoffs = [[row["payoff"] for row in people.to_rows() if row["condition"] == name] for name in people.conditions]
    assert tests["payoff"].difference.p_value == pytest.approx(ttest_ind(*payoffs, equal_var=False).pvalue)
    assert cooperation.p_holm >= cooperation.difference.p_value
    rows = list(csv.DictReader(io.StringIO(people.to_csv())))
    assert [row["condition"] for row in rows] == ["grim"] * 3 + ["always-defect"] * 3
    assert "Differences" in people._repr_html_()


def test_participants_who_met_both_conditions_are_paired(tmp_path):
    for opponent, shift in (("grim", 0), ("always-defect", 1)):
        study = Study(opponent, ENV, out=tmp_path / f"{opponent}.jsonl")
        for number, first in enumerate([0, 1, 0, 0]):
            match(study, [first, shift], person=f"p{number}")
    people = read_people(tmp_path / "grim.jsonl", tmp_path / "always-defect.jsonl")
    (cooperation,) = [test for test in people.compare() if test.measure == "cooperation"]
    assert cooperation.difference.n == 4  # pairs, not eight people
    assert cooperation.difference.estimate == pytest.approx(0.5)


def test_lines_of_earlier_versions_are_read_and_other_files_are_not(tmp_path):
    old = {"game": "chicken", "seed": 0, "seat": 0, "moves": [[0, 1]], "scores": [1.0, 2.0], "guess": "human",
           "answer": "a machine"}  # fmt: skip
    (tmp_path / "old.jsonl").write_text(json.dumps(old) + "\n")
    people = read_people(tmp_path / "old.jsonl")
    assert people.conditions == ["chicken"]
    assert people.to_rows()[0]["response_s"] is None
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(RecordError, match=r"line 1 of .*bad\.jsonl"):
        read_people(tmp_path / "bad.jsonl")
    with pytest.raises(RecordError, match="cannot read"):
        read_people(tmp_path / "none.jsonl")
