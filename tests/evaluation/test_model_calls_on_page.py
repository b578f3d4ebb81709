"""The page shows for each call of a model what it was asked, and folds its reasoning."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

import quintain
from quintain.agents import make_agent
from quintain.engines import ScriptedEngine
from quintain.engines.engine import Reply
from quintain.evaluation.html import write_report
from quintain.evaluation.html.frame import csp_hash
from quintain.evaluation.html.transcripts import episode_data
from quintain.evaluation.report import Report
from quintain.records import EpisodeRecord

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROMPT = "You count letters, carefully, and run programs where that helps; then you answer."
PROGRAM = "Let me compute this, since programs count better than I do.\n```python\nprint('working on it')\n```\n"


def played(tmp_path, **options):
    def serve(request):
        if request.prefill:
            return Reply("Count: 1, Positions: [3]")
        if len(request.messages) == 2:
            return Reply(PROGRAM.removesuffix("```\n"), stop_string="```\n", reasoning="Is it <<<99>>>?")
        return Reply("<think>Or is it <<<98>>>?</think>\nI do not know, but it could well be two.")

    agent = make_agent("code-interpreter", engine=ScriptedEngine(serve), prompt=PROMPT)
    return quintain.evaluate(
        "CodeReason-v0", agent, episodes=2, env_kwargs={"tasks": "letters"}, out=tmp_path / "run", **options
    )


def contents(data, texts):
    """Resolve the texts of messages as the page does."""
    found = []
    for message in data["messages"]:
        if "o" in message:
            found.append(data["steps"][message["o"]]["observation"])
        elif "a" in message:
            found.append(data["steps"][message["a"]]["action"])
        elif "shared" in message:
            found.append(texts[message["shared"]])
        else:
            start = found[message["from"]][: message["keep"]] if "from" in message else ""
            found.append(start + message["t"])
    return found


def asked(data, k, texts):
    def sent(k):
        call = data["calls"][k]
        return (sent(call["after"])[: call["same"]] if "same" in call else []) + call.get("new", [])

    return [(data["messages"][m]["role"], contents(data, texts)[m]) for m in sent(k)]


def answered(data, reply):
    """Return reasoning and text of a reply as the page does."""
    if "a" not in reply:
        return reply.get("reasoning"), reply["text"]
    action, parts = data["steps"][reply["a"]]["action"], data.get("reasoning", {}).get(str(reply["a"]), [])
    if "cut" in reply:
        return reply.get("reasoning"), action[: -reply["cut"]]
    return tuple(parts) if len(parts) == 2 else (reply.get("reasoning"), action)


@pytest.mark.parametrize(
    ("action", "reply", "stored", "shown"),
    [
        ("It is 7.", {"text": "It is 7."}, {"a": 0}, (None, "It is 7.")),
        ("It is 7.", {"text": "It is 8."}, {"text": "It is 8."}, (None, "It is 8.")),
        ("a\n```\n", {"text": "a\n", "stop_string": "```\n"}, {"a": 0, "cut": 4}, (None, "a\n")),
        ("7", {"text": "7", "reasoning": "Why?"}, {"a": 0, "reasoning": "Why?"}, ("Why?", "7")),
        ("<think>Why?</think> 7", {"text": "<think>Why?</think> 7"}, {"a": 0}, ("Why?", "7")),
        (
            "<think>Why?</think> 7",
            {"text": "<think>Why?</think> 7", "reasoning": "How?"},
            {"text": "7", "reasoning": "How?\nWhy?"},
            ("How?\nWhy?", "7"),
        ),
        ("<think></think>7", {"text": "<think></think>7"}, {"text": "7"}, (None, "7")),
        ("<think>So", {"text": "<think>So", "stop_string": "x"}, {"a": 0}, ("So", "")),
        ("a</think>", {"text": "a", "stop_string": "</think>"}, {"a": 0, "cut": 8}, (None, "a")),
        (["7"], {"text": "7"}, {"text": "7"}, (None, "7")),
        ("7" * 70_000, {"text": "7" * 9}, {"text": "7" * 9}, (None, "7" * 9)),
    ],
)
def test_a_reply_that_an_action_contains_is_on_the_page_once(action, reply, stored, shown):
    steps = [{"observation": "?", "action": action, "reward": 0.0}]
    data = episode_data(EpisodeRecord(0, 1, "finished", {}, steps=steps, calls=[{"key": "k", "replies": [reply]}]))
    [[found]] = [call["replies"] for call in data["calls"]]
    assert {key: found[key] for key in found if key in ("a", "cut", "text", "reasoning")} == stored
    assert answered(data, found) == shown


def test_each_call_shows_its_messages_settings_and_reply(tmp_path):
    report = played(tmp_path)
    (data, *_) = [episode_data(episode) for episode in report.episodes]
    first, second, third = data["calls"]
    question, output = (step["observation"] for step in data["steps"])
    assert asked(data, 0, {}) == [("system", PROMPT), ("user", question)]
    assert asked(data, 1, {}) == [*asked(data, 0, {}), ("assistant", PROGRAM), ("user", output)]
    assert asked(data, 2, {}) == asked(data, 1, {})
    assert third["prefill"].endswith("The final answer is <<<")
    assert (first["settings"]["temperature"], first["settings"]["max_tokens"]) == (0.6, 512)
    assert third["settings"]["max_tokens"] == 64
    assert answered(data, first["replies"][0]) == ("Is it <<<99>>>?", PROGRAM.removesuffix("```\n"))
    assert answered(data, second["replies"][0]) == ("Or is it <<<98>>>?", "I do not know, but it could well be two.")


def test_reasoning_is_folded_in_the_transcript(tmp_path):
    report = played(tmp_path)
    data = episode_data(report.episodes[0])
    thought, rest = data["reasoning"]["1"]
    assert thought == "Or is it <<<98>>>?"
    assert rest.startswith("I do not know")
    assert "<think>" in data["steps"][1]["action"]
    assert "98" not in str(report.episodes[0].info["answer"])
    steps = [{"observation": "?", "action": "7", "reward": 0.0}]
    reply = Reply("7", reasoning="Perhaps 7.").to_dict()
    one = EpisodeRecord(0, 1, "finished", {}, steps=steps, calls=[{"key": "k", "replies": [reply]}])
    assert episode_data(one)["reasoning"] == {"0": ["Perhaps 7."]}


def test_texts_of_the_run_are_on_the_page_once(tmp_path):
    report = played(tmp_path)
    for source in (report, Report.load(tmp_path / "run")):
        page = write_report(source).read_text()
        data = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
        assert len(data) == 3  # index and two episodes
        assert sum(PROMPT in text for text in data) == 1
        index = json.loads(re.search(r'<script[^>]*id="index"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
        assert PROMPT in index["texts"].values()


def test_grown_prompts_count_characters_as_the_page_does():
    start = "𝄞 " * 60  # two units of UTF-16 each
    messages = [{"role": "user", "content": start}, {"role": "user", "content": ["m0", 120, "end"]}]
    calls = [
        {"key": "a", "replies": [], "asked": {"new": [0]}},
        {"key": "b", "replies": [], "asked": {"after": 0, "new": [1]}},
    ]
    data = episode_data(EpisodeRecord(0, 1, "finished", {}, calls=calls, messages=messages))
    assert data["messages"][1] == {"role": "user", "from": 0, "keep": 180, "t": "end"}


def test_runs_of_earlier_versions_show_their_replies():
    calls = [{"key": "a", "replies": [{"text": "hello", "finish_reason": "stop"}]}]
    data = episode_data(EpisodeRecord(0, 1, "finished", {}, calls=calls))
    assert data["calls"] == [{"replies": [{"read": 0, "wrote": 0, "end": "stop", "text": "hello"}]}]


WALK = """
addEventListener("load", async () => {
  const wait = () => new Promise((resolve) => setTimeout(resolve, 20));
  while (!document.documentElement.dataset.ready) await wait();
  for (let round = 0; round < 6; round++) {
    for (const one of document.querySelectorAll("#episode details")) one.open = true;
    await wait();
  }
  const text = document.getElementById("episode").textContent;
  document.documentElement.setAttribute("data-walk", JSON.stringify(text));
});
"""


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_the_browser_shows_what_the_model_was_asked(tmp_path):
    played(tmp_path)
    page = write_report(Report.load(tmp_path / "run"))
    text = page.read_text(encoding="utf-8").replace("script-src '", f"script-src '{csp_hash(WALK)}' '", 1)
    page.write_text(text.replace("</body>", f"<script>{WALK}</script></body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [BROWSER, *flags, "--virtual-time-budget=20000", "--dump-dom", page.as_uri() + "#episode=0"],
        capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=120, check=True,
    )  # fmt: skip
    shown = json.loads(unescape(re.search(r'data-walk="([^"]*)"', done.stdout)[1]))
    assert shown.count(PROMPT) == 3  # once for each call
    assert "3 calls of the model" in shown
    assert "Asked: 2 messages" in shown
    assert "the reply begins with" in shown
    assert "max_tokens 64" in shown
    assert "Is it <<<99>>>?" in shown
    replies = shown[shown.index("3 calls of the model") :]
    assert replies.count("print('working on it')") == 3  # the reply, and a message of two calls
    assert replies.count("I do not know, but it could well be two.") == 2  # the reply, and how the next one begins
