"""The report page in a headless browser: every episode can be opened, and no transcript is executed."""

import json
import re
import shutil
import subprocess

import pytest

import quintain
from quintain.engines import ScriptedEngine
from quintain.evaluation.html import chunks, write_report

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium")

RUN = "document.title='ran';document.documentElement.dataset.ran='yes'"
HOSTILE = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f'<img src=x onerror="{RUN}"><svg onload="{RUN}"><a href="javascript:{RUN}">x</a>',
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u200bzero width",
    "\x00" * 30_000,
    "\x00\x1b" * 10_000,
    "\ud800 lone \udfff surrogates, tag \U000e0041",
    "x" * 1_000_000,
    f"```python\nprint('</script><script>{RUN}</script>')\n```\n```html\n<script>{RUN}</script>",
    "# heading\n**bold** [link](javascript:alert(1)) ${7*7} {{7*7}} <!-- <script>",
    "<<<\u202e1>>>",
]

# Opens every episode of the page and writes what is shown into an attribute.
WALK = """
addEventListener("load", async () => {
  const wait = () => new Promise((resolve) => setTimeout(resolve, 20));
  const seen = [], texts = [];
  while (!document.documentElement.dataset.ready) await wait();
  while (!document.getElementById("more").hidden) document.getElementById("more").click();
  for (const link of [...document.querySelectorAll("#list a")]) {
    link.click();
    await wait();
    const shown = () => document.querySelector("#episode h3")?.textContent === "Episode " + link.dataset.i;
    for (let i = 0; i < 100 && !shown(); i++) await wait();
    seen.push(document.querySelector("#episode h3").textContent);
    texts.push(document.getElementById("episode").textContent.slice(0, 3000));
  }
  const search = async (text) => {
    document.getElementById("query").value = text;
    document.getElementById("query").dispatchEvent(new Event("input"));
    for (let i = 0; i < 40; i++) await wait();
    while (document.getElementById("count").textContent.startsWith("Searching")) await wait();
    return document.querySelectorAll("#list a").length;
  };
  const found = [await search("lone"), await search("no transcript says this"), await search("")];
  const input = (id, value) => {
    document.getElementById(id).value = value;
    document.getElementById(id).dispatchEvent(new Event("input"));
  };
  input("term", "format");
  input("from", "0.05");
  const ranged = document.getElementById("count").textContent;
  input("from", "");
  input("term", "");
  const chip = document.querySelector(".chip");
  chip.click();
  const filtered = document.getElementById("count").textContent;
  const foreign = document.querySelectorAll("#episode script, #episode img, #episode svg, #list img").length;
  const result = {seen, texts, found, filtered, ranged, expected: Number(chip.querySelector("b").textContent), foreign,
                  ready: document.documentElement.dataset.ready,
                  ran: document.documentElement.dataset.ran || "", title: document.title};
  document.documentElement.setAttribute("data-walk", JSON.stringify(result));
});
"""


def browse(page, profile):
    """Return the page's DOM after the script above has run in the browser."""
    from quintain.evaluation.html.frame import csp_hash

    # The page's Content-Security-Policy blocks other scripts, so this one is added to it.
    text = page.read_text(encoding="utf-8").replace("script-src '", f"script-src '{csp_hash(WALK)}' '", 1)
    page.write_text(text.replace("</body>", f"<script>{WALK}</script></body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}"]  # fmt: skip
    done = subprocess.run(
        [BROWSER, *flags, "--virtual-time-budget=20000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


def walk(dom):
    from html import unescape

    found = re.search(r'data-walk="([^"]*)"', dom)
    assert found, dom[:500]
    return json.loads(unescape(found[1]))


@pytest.mark.parametrize("inline", [True, False], ids=["in the page", "in files beside it"])
def test_every_episode_can_be_opened_and_no_transcript_is_executed(tmp_path, monkeypatch, inline):
    monkeypatch.setattr(chunks, "MAX_INLINE", 10**9 if inline else 100_000)

    class Hostile:
        def begin(self, seat):
            self.n = getattr(self, "n", -1) + 1
            reply = HOSTILE[self.n % len(HOSTILE)]
            return type("Actor", (), {"act": lambda self, observation, info: reply})()

    report = quintain.evaluate(
        "CodeReason-v0", Hostile(), episodes=260, concurrency=1, env_kwargs={"tasks": "letters,game24", "code": False}
    )
    page = write_report(report, tmp_path / "my page #1%.html")
    assert (tmp_path / "my page #1%_files").exists() == (not inline)
    result = walk(browse(page, tmp_path / "profile"))
    assert result["ready"] == "true"
    assert result["seen"] == [f"Episode {i}" for i in range(260)]
    assert (result["title"], result["ran"]) == ("CodeReason-v0 · Hostile · Quintain", "")
    assert result["foreign"] == 0
    assert result["found"][1:] == [0, 200]
    assert result["found"][0] > 10
    assert result["filtered"] == f"{result['expected']} of 260 episodes"
    well_formed = sum(e.reward_terms["format"] >= 0.05 for e in report.scored)
    assert result["ranged"] == f"{well_formed} of 260 episodes"
    everything = "".join(result["texts"])
    assert f"<script>{RUN}</script>" in everything  # shown as text, not executed
    for shown in (r"\x1b[31mred\x1b[0m", r"\u202egnp.exe\u202c", r"\x00\x00", r"\ud800 lone \udfff", r"\U000e0041"):
        assert shown in everything
    assert not set(everything) & set("\x00\x1b\u202e\u2066")


def test_the_browser_shows_numeric_steps_and_seats(tmp_path):
    report = quintain.evaluate("CartPole-v1", "random", episodes=3)
    result = walk(browse(write_report(report, tmp_path / "page.html"), tmp_path / "profile"))
    assert len(result["seen"]) == 3
    assert "observationactionreward" in result["texts"][0]


def test_the_browser_shows_which_folder_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "MAX_INLINE", 0)
    report = quintain.evaluate("CartPole-v1", "random", episodes=3)
    page = write_report(report, tmp_path / "page.html")
    shutil.rmtree(tmp_path / "page_files")
    walk_nothing = WALK.replace("while (!document.documentElement.dataset.ready) await wait();", "await wait();")
    monkeypatch.setattr("test_html_browser.WALK", walk_nothing)
    assert "page_files/index-" in re.findall(r'<span id="count"[^>]*>([^<]*)', browse(page, tmp_path / "profile"))[0]


def test_the_browser_shows_candidates_with_scores_votes_and_the_evidence_for_each_step(tmp_path, monkeypatch):
    unfold = "document.querySelectorAll('#episode details').forEach((d) => { d.open = true; }); await wait();" * 4
    monkeypatch.setitem(globals(), "WALK", WALK.replace("seen.push(", unfold + "\n    seen.push(", 1))
    replies = ["<script>x</script>\n3 + 4 = 8.\nSo <<<8>>>", "3 + 4 = 7.\nSo <<<7>>>"]
    engine = ScriptedEngine(lambda request: replies[: request.n])
    agent = quintain.make_agent("safe", engine=engine, n=2)
    rows = {"tasks": [{"question": "What is 3 + 4?", "answer": "7"}]}
    report = quintain.evaluate("QuestionAnswering-v0", agent, episodes=1, env_kwargs=rows)
    result = walk(browse(write_report(report, tmp_path / "page.html"), tmp_path / "profile"))
    (text,) = result["texts"]
    steps = ("Steps of candidate 0: 1 failure of proof", "3 + 4 = 8: left is 7, right is 8", "⊢ 3 + 4 = 7")
    for shown in ("Chosen among 2 candidates", "1 (chosen)", "retrospective", *steps):
        assert shown in text, shown
    assert "[object" not in text
    assert result["foreign"] == 0
