"""The report page: contents, and escaping of transcripts."""

import json
import re
import sys
from html.parser import HTMLParser

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest

import quintain
from quintain.errors import ConfigurationError, EngineError, MissingDependencyError, RecordError
from quintain.evaluation.html import write_report
from quintain.evaluation.html.provenance import provenance
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.html.transcripts import embed, episode_data, index_data, preamble
from quintain.evaluation.report import Report
from quintain.evaluation.summary import error_counts, metric_rows, score_rows, term_rows
from quintain.records import EpisodeRecord

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
KWARGS = {"tasks": "letters,game24", "code": False}
EVIL = (
    "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> \x1b[31m \u202e {{ 7 * 7 }} \x00 \ud800 &amp;"
)


class Page(HTMLParser):
    """Parses the elements of a page and the text of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self._open = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = dict(attrs) if tag == "script" else None
        if tag == "script":
            self.scripts.append([self._open, ""])

    def handle_data(self, data):
        if self._open is not None:
            self.scripts[-1][1] += data

    def handle_endtag(self, tag):
        self._open = None

    def data(self, name):
        return next(json.loads(text) for attributes, text in self.scripts if attributes.get("id") == name)


def page_of(report, path):
    return Page(write_report(report, path / "page.html").read_text(encoding="utf-8"))


def test_the_page_contains_every_transcript(tmp_path):
    report = quintain.evaluate("CodeReason-v0", "oracle", episodes=30, env_kwargs=KWARGS, out=tmp_path / "run")
    path = write_report(report)
    assert path == tmp_path / "run" / "report.html"
    page = Page(path.read_text())
    index = page.data("index")
    assert [e["i"] for e in index["episodes"]] == list(range(30))
    for record in report.episodes:
        shown = page.data(f"e{record.index}")
        assert [s["action"] for s in shown["steps"]] == [s["action"] for s in record.steps]
        assert [s["observation"] for s in shown["steps"]] == [s["observation"] for s in record.steps]
        assert shown["seed"] == str(record.seed)
        assert shown["verdict"]["expected"] == record.info["expected"]


def test_a_run_folder_and_its_report_give_the_same_page(tmp_path):
    report = quintain.evaluate("CartPole-v1", "random", episodes=3, out=tmp_path / "run")
    first = write_report(report).read_text()
    assert write_report(tmp_path / "run", tmp_path / "copy.html").read_text() == first


def test_hostile_text_is_escaped(tmp_path):
    report = quintain.evaluate("CodeReason-v0", lambda text: EVIL, episodes=3, env_kwargs=KWARGS)
    hostile = Report(report.episodes, {"config": {"env": EVIL, "agent": {"name": EVIL}, "seed": 0}}, None)
    for episode in hostile.episodes:
        episode.info |= {"task": EVIL, "detail": EVIL, EVIL: EVIL}
        episode.reward_terms = {EVIL: 1.0}
    page = page_of(hostile, tmp_path)
    assert page.data("e0")["steps"][0]["action"] == EVIL
    text = (tmp_path / "page.html").read_text()
    assert "<script>alert" not in text
    assert "49" not in re.findall(r"<h1>(.*)</h1>", text)[0]
    assert not set(text) & {"\x00", "\x1b", "\u202e"}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert [a for a, _ in page.scripts if a.get("type") != "application/json"] == [{}]


def test_the_page_loads_no_resource_and_allows_one_script(tmp_path):
    import base64
    import hashlib

    report = quintain.evaluate("CodeReason-v0", "oracle", episodes=2, env_kwargs=KWARGS)
    page = page_of(report, tmp_path)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    assert not any("src" in attributes for _, attributes in page.tags)
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    (script,) = [text for attributes, text in page.scripts if not attributes]
    assert f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}" in policy
    assert policy.startswith("default-src 'none'")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch("):
        assert forbidden not in script


def test_embedded_json_is_escaped_for_html():
    dumped = embed({"a": EVIL})
    assert dumped.isascii()
    assert not set("<>&") & set(dumped)
    assert json.loads(dumped) == {"a": EVIL}


def test_failures_errors_and_parse_errors_are_shown_separately(tmp_path):
    def agent(text):
        agent.n += 1
        kind = agent.n % 4
        if kind == 0:
            raise EngineError("the server <is> down")
        return ["no answer", 5, "<<<Count: 9, Positions: [9]>>>"][kind - 1]

    agent.n = 0
    report = quintain.evaluate("CodeReason-v0", agent, episodes=8, env_kwargs={"tasks": "letters", "code": False})
    text = write_report(report, tmp_path / "page.html").read_text()
    for outcome in ("failure", "parse_error", "invalid_action", "error"):
        assert f'data-outcome="{outcome}"' in text
    assert "the server &lt;is&gt; down" in text
    assert error_counts(report) == [("infrastructure: engine", "the server <is> down", 2)]
    assert score_rows(report)[0].interval.n == 6


def test_an_error_has_no_reward_on_the_page():
    failed = EpisodeRecord(0, 1, "error", {"agent": 0.0}, error={"boundary": "env", "message": "gone"})
    assert index_data(failed, "")["reward"] is None
    assert episode_data(failed)["returns"] == {}


def test_a_run_of_a_function_is_named_after_it():
    def make_toy():
        return gym.make("CartPole-v1")

    report = quintain.evaluate(make_toy, "random", episodes=1)
    assert provenance(report).env == "make_toy()"
    assert "make_toy" in provenance(report).details["Environment"]
    nameless = quintain.evaluate(lambda: gym.make("CartPole-v1"), "random", episodes=1)
    assert provenance(nameless).env == "environment made by a lambda"


def test_episode_rows_equal_the_reports_values():
    report = quintain.evaluate("CodeReason-v0", "oracle", episodes=12, env_kwargs=KWARGS)
    assert [row.name for row in score_rows(report)] == ["success", "reward"]
    assert {row.name: row.interval.estimate for row in term_rows(report)} == {
        "correctness": 1.0, "format": pytest.approx(0.1), "efficiency": 0.0,
    }  # fmt: skip
    assert {"turns", "code calls", "code errors"} <= {row.name for row in metric_rows(report)}


def test_numbers_are_rounded_and_long_episodes_truncated(tmp_path):
    class Long(gym.Env):
        observation_space = gym.spaces.Box(-1, 1, (2,))
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            self.t = 0
            return np.array([1 / 3, 0.1], np.float32), {}

        def step(self, action):
            self.t += 1
            return np.array([1 / 3, 0.1], np.float32), 1 / 3, self.t == 1000, False, {}

    report = quintain.evaluate(Long, "random", episodes=2)
    shown = page_of(report, tmp_path).data("e0")
    assert shown["steps"][0]["observation"] == [0.33333, 0.1]
    assert shown["steps"][0]["reward"] == 0.33333
    assert len(shown["steps"]) + shown["left_out"] == 1000
    assert (len(shown["steps"]), shown["left_out_at"]) == (400, 300)


def test_images_and_long_texts_are_truncated():
    steps = [{"observation": [[[7] * 3] * 64] * 64, "action": "x" * 1_000_000, "reward": 0.0}]
    shown = episode_data(EpisodeRecord(0, 0, "finished", {"agent": 0.0}, steps))["steps"][0]
    assert shown["observation"].startswith("array of shape 64x64x3, from 7 to 7")
    assert len(shown["action"]) < 61_000
    assert "940,000 characters are not on this page" in shown["action"]


def test_matches_show_every_seat(tmp_path):
    def game():
        return pettingzoo.make("parallel", "RepeatedGame-v0", game="prisoners_dilemma", rounds=3)

    report = quintain.play(game, {"player_0": "random", "player_1": "random"}, episodes=3)
    assert {"return of player_0", "return of player_1"} <= {row.name for row in score_rows(report)}
    shown = page_of(report, tmp_path).data("e0")
    assert [s["seat"] for s in shown["steps"]] == ["player_0", "player_1"] * 3
    assert set(shown["returns"]) == {"player_0", "player_1"}


def test_a_run_without_scored_episodes_and_an_empty_one_still_make_a_page(tmp_path):
    failed = quintain.evaluate("CartPole-v1", lambda observation: 1 // 0, episodes=2, errors="record")
    assert page_of(failed, tmp_path).data("e1")["error"]["boundary"] == "agent"
    assert page_of(Report([]), tmp_path).data("index")["episodes"] == []


def test_text_common_to_all_observations_is_detected():
    report = quintain.evaluate("CodeReason-v0", "oracle", episodes=6, env_kwargs=KWARGS)
    start = preamble(report)
    assert start.startswith("Answer the question below.")
    assert start.endswith("\n\n")
    assert all(e.steps[0]["observation"].startswith(start) for e in report.episodes)


def test_the_page_has_the_command_that_repeats_the_run():
    kwargs = {**KWARGS, "difficulty": "easy", "max_turns": 3}
    agent = {"name": "oracle", "through_code": False}
    report = quintain.evaluate("CodeReason-v0", agent, episodes=2, seed=3, env_kwargs=kwargs)
    assert reproduce(report.manifest, 2).command == (
        "quintain eval CodeReason-v0 --agent oracle --tasks letters,game24 --no-code --difficulty easy "
        "--env-arg max_turns=3 --agent-arg through_code=false --episodes 2 --seed 3"
    )
    unnamed = quintain.evaluate("CodeReason-v0", lambda text: "", episodes=2, env_kwargs=KWARGS)
    assert reproduce(unnamed.manifest, 2).command == ""


def test_a_report_without_a_folder_needs_a_path():
    with pytest.raises(ConfigurationError, match="path="):
        write_report(Report([]))


def test_a_missing_run_or_library_is_a_clear_error(tmp_path, monkeypatch):
    with pytest.raises(RecordError, match="no run at"):
        write_report(tmp_path / "nowhere")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingDependencyError, match=r"quintain\[report\]"):
        write_report(Report([]), tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
