"""What the documentation takes from the source: environments, commands, the Python reference, and its pictures."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import gymnasium as gym
import pytest

import quintain  # noqa: F401  # registers the environments
from quintain.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch):
    """Import a module of scripts/docs, or scripts itself, by name."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "docs"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(ROOT / "scripts") in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_every_registered_environment_has_a_page(generator) -> None:
    environments = generator("environments")
    from quintain.envs.games import GAME_IDS

    ours = {name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("quintain.")}
    numbered = {name for name in ours if re.fullmatch(r"OrdinalGame-\d+-\d+-v0", name)}
    assert ours == {*environments.PAGES, *GAME_IDS} | numbered
    assert len(numbered) == 144
    game_pages = generator("game_pages")
    for env_id in GAME_IDS:
        text = (ROOT / "docs" / "environments" / game_pages.page(env_id)).read_text(encoding="utf-8")
        assert text.startswith(f"# {env_id}\n")
        for part in (f"<!-- generated: game {env_id} -->", f"<!-- generated: game {env_id} facts -->", "```python"):
            assert part in text, f"{env_id}: the page lacks {part}"
    for env_id, page in environments.PAGES.items():
        text = (ROOT / "docs" / "environments" / page).read_text(encoding="utf-8")
        assert text.startswith(f"# {env_id}\n")
        for part in (f"<!-- generated: environment {env_id} -->", f"<!-- generated: environment {env_id} facts -->"):
            assert part in text, f"{page} lacks {part}"
        for heading in ("## Agents", "## Baselines"):
            assert heading in text, f"{page} lacks {heading}"


def test_environments_are_described_from_their_classes(generator) -> None:
    environments = generator("environments")
    for env_id in (*environments.PAGES, "parallel:RepeatedGame-v0"):
        text = environments.render(env_id)
        for heading in ("Observation", "Action", "Reward", "Episode end", "Info", "Arguments", "Version history"):
            assert re.search(rf"^##+ {heading}\n\n\S", text, re.MULTILINE), f"{env_id}: no {heading}"
        assert ":class:" not in text
    text = environments.render("Tabletop/Push-v0")
    assert re.search(r"^\| `mirrored` \| `False` \| \w+.* \|$", text, re.MULTILINE)
    text = environments.render("QuestionAnswering-v0")
    assert "| `question`, `answer`, `choices`, `id` | `'question'`, `'answer'`, `'choices'`, `'id'` | " in text


def test_games_show_payoffs_equilibria_and_scores(generator) -> None:
    game_pages = generator("game_pages")
    stag_hunt = game_pages.render("StagHunt-v0")
    assert "| `stag` | 4, 4 | 1, 3 |" in stag_hunt
    assert "| `stag`, `stag` | 4, 4 |" in stag_hunt
    assert "| `stag` 50%, `hare` 50%, both | 2.5, 2.5 |" in stag_hunt
    assert "can guarantee itself 2 a round. The largest sum of payoffs is 8, as with `stag`, `stag`." in stag_hunt
    assert "| `tit-for-tat` | 40.0 |" in stag_hunt  # ten rounds of 4 against tit-for-tat
    assert "| `tit-for-tat` | 4.00 | 4.00 | 1.98 | " in stag_hunt  # 1 and then 49 times 2 against always-defect
    assert 'pettingzoo.make("parallel", "StagHunt-v0")' in game_pages.render("StagHunt-v0", "facts")
    public_goods = game_pages.render("PublicGoods-v0")
    assert "| `keep` | 10 | 14 | 18 | 22 |" in public_goods
    assert "| all `keep` | 10, 10, 10, 10 |" in public_goods
    assert "tit-for-tat" not in game_pages.render("RockPaperScissors-v0")  # it needs two options
    assert "| [`Chicken-v0`](chicken.md) | " in game_pages.index()


def test_pictures_of_games_are_well_formed_and_show_every_outcome(generator) -> None:
    from quintain.envs.games import GAME_IDS, load_game

    for name in GAME_IDS.values():
        picture = generator("game_pictures").picture(load_game(name))
        assert "\n" not in picture  # an empty line would end the HTML
        figure = ElementTree.fromstring(picture)
        texts = [text.text for text in figure.iter("text")]
        assert figure.findtext("figcaption")
        if name == "chicken":
            assert {"swerve, swerve", "swerve, straight", "straight, swerve", "straight, straight"} <= {*texts}
            assert sum(circle.get("r") == "8" for circle in figure.iter("circle")) == 2  # the equilibria


def test_every_command_and_option_is_in_the_reference(generator) -> None:
    text = generator("commands").render()
    assert re.findall(r"^## quintain (\w+)$", text, re.MULTILINE) == list(COMMANDS)
    assert "### quintain games play" in text
    assert re.search(r"^\| `--repeats [^`]+` \| \w+.* \[default: 1; x>=1\] \|$", text, re.MULTILINE)
    assert text.count("\nquintain eval ") > 3  # the examples
    assert "[bold]" not in text


def test_the_reference_documents_what_the_pages_import(generator) -> None:
    layout = generator("layout")
    public = {module.name for module in layout.public_modules()}
    also = {path.rpartition(".")[0] for module in layout.public_modules() for path in module.also}
    homes = {path.rpartition(".")[0] for path in layout.homes()}
    for page in (ROOT / "README.md", *PAGES):
        for module in re.findall(r"^\s*from (quintain[\w.]*) import", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert module in public | also | homes, f"{page.name} imports from {module}, which the reference leaves out"


def test_names_of_the_reference_exist_and_have_one_home(generator) -> None:
    layout, sources = generator("layout"), generator("sources")
    for module in layout.public_modules():
        assert sources.summary(module.name), f"{module.name} has no docstring"
        for path in layout.names_of(module):
            assert sources.first_line(path), f"nothing is said about {path}"
    assert layout.target("quintain.evaluation.evaluate") == "quintain.evaluate"
    assert layout.target("quintain.evaluation.rollout.EnvLike") == "quintain.envs.making.EnvLike"
    assert layout.target("quintain.evaluation.executors.executor.Executor") == "quintain.evaluation.executors.Executor"
    assert layout.target("quintain.compare") == "quintain.evaluation.compare.compare"  # the others are a module, too


def test_every_picture_is_made_by_the_script_or_listed(generator) -> None:
    pictures = generator("pictures")
    made = [file for _, files in pictures.PICTURES.values() for file in files]
    there = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert there == {*made, *pictures.OTHERS}
    assert len(made) == len(set(made))
    texts = "".join(page.read_text(encoding="utf-8") for page in (*PAGES, ROOT / "README.md"))
    assert not [name for name in there if f"images/{name}" not in texts], "pictures that no page shows"
    assert max(path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()) < 250_000


BUILD = """
import sys
from mkdocs.commands.build import build
from mkdocs.config import load_config
settings = {"docs_dir": sys.argv[2], "site_dir": sys.argv[3], "hooks": [], "plugins": ["search", "offline"]}
build(load_config(sys.argv[1], **settings))
"""


def test_the_search_works_in_pages_that_are_opened_as_files(tmp_path: Path) -> None:
    pytest.importorskip("material")
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("needs Chromium")
    docs = tmp_path / "docs"
    for folder in ("javascripts", "stylesheets"):
        shutil.copytree(ROOT / "docs" / folder, docs / folder)
    (docs / "index.md").write_text("# Start\n\nNothing here.\n", encoding="utf-8")
    (docs / "other.md").write_text("# Quails\n\nThe word is zugzwang.\n", encoding="utf-8")
    command = [sys.executable, "-c", BUILD, str(ROOT / "mkdocs.yml"), str(docs), str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment, timeout=120)
    page = (tmp_path / "site" / "index.html").as_uri()
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom")
    done = subprocess.run(
        [browser, *options, f"{page}?q=zugzwang"], check=True, capture_output=True, text=True, timeout=120
    )
    results = done.stdout.partition("md-search-result__list")[2]
    assert "Quails" in results
    assert "other.html" in results
    assert "unpkg.com" not in done.stdout
