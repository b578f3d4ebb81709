"""What the registries and docstrings say about the environments, as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import game_pages

ROOT = Path(__file__).parents[2]
#: Id -> its page in docs/environments, but for the named games: these are in ``game_pages``, and ``OrdinalGame-1-1-v0``
#: and so on are on their index.
PAGES = {
    "CodeReason-v0": "code-reason.md",
    "QuestionAnswering-v0": "question-answering.md",
    "OpenEnv-v0": "openenv.md",
    "Questionnaire-v0": "questionnaire.md",
    "Repair-v0": "repair.md",
    "SelfCorrect-v0": "self-correct.md",
    "Deception-v0": "deception.md",
    "Procedure-v0": "procedure.md",
    "ToolUse-v0": "tool-use.md",
    "AgentDojo-v0": "agentdojo.md",
    "ConceptShift-v0": "concept-shift.md",
    "RepeatedGame-v0": "repeated-game.md",
    "Tabletop/Reach-v0": "tabletop-reach.md",
    "Tabletop/Push-v0": "tabletop-push.md",
    "Tabletop/SlideHandle-v0": "tabletop-slide-handle.md",
    "Tabletop/TurnLever-v0": "tabletop-turn-lever.md",
    "MetaWorld/MT1-v0": "meta-world.md",
    "Maze-v0": "maze.md",
    "KeyDoor-v0": "key-door.md",
    "SparseGoal-v0": "sparse-goal.md",
    "Tabular/Room-v0": "tabular-room.md",
    "Tabular/Chain-v0": "tabular-chain.md",
    "Tabular/LineKey-v0": "tabular-line-key.md",
    "Minecraft/ApproachTree-v0": "minecraft-approach-tree.md",
    "Minecraft/ExploreDiamond-v0": "minecraft-explore-diamond.md",
    "Minecraft/ApproachCow-v0": "minecraft-approach-cow.md",
    "Minecraft/ApproachSheep-v0": "minecraft-approach-sheep.md",
    "Minecraft/ApproachPig-v0": "minecraft-approach-pig.md",
    "Minecraft/ApproachChicken-v0": "minecraft-approach-chicken.md",
    "Minecraft/ObtainDiamond-v0": "minecraft-obtain-diamond.md",
    "Minecraft/Survival-v0": "minecraft-survival.md",
    "Minecraft/Task-v0": "minecraft-task.md",
}
GAMES_PAGE = "named-games.md"
#: Arguments without which an environment cannot be made.
_REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "QuestionAnswering-v0": {"tasks": [{"question": "What is the capital of France?", "answer": "Paris"}]}
}
#: Environments that exist only where something outside runs, and their required arguments.
_ELSEWHERE: Mapping[str, tuple[str, ...]] = {"OpenEnv-v0": ("url",)}
_HEADING = re.compile(r"^## (.+)$|^([A-Z][a-z]+(?: [a-z]+)?):$", re.MULTILINE)
_ENTRY = re.compile(r"^(?:- ``)?(\*{0,2}\w+(?:``, ``\w+)*)(?:``)?: ", re.MULTILINE)
_ROLE = re.compile(r":\w+:`(~?)([\w.]+)(?:\(\))?`")


def overview() -> str:
    """List the environments with their spaces."""
    lines = ["| environment | what the agent does | observation | action |", "| --- | --- | --- | --- |"]
    for env_id, page in PAGES.items():
        made = _make(env_id)
        unknown = "the server's" if env_id in _ELSEWHERE else "`Box`"
        spaces = [_short(made.observation_space), _short(made.action_space)] if made else [unknown, unknown]
        lines.append(f"| [`{env_id}`]({page}) | {_opening(page)} | {' | '.join(spaces)} |")
        if env_id == "RepeatedGame-v0":
            ordinal = f"[`OrdinalGame-1-1-v0` ...]({GAMES_PAGE}#ordinalgame-1-1-v0-to-ordinalgame-12-12-v0)"
            lines.append(f"| {game_pages.links()}, {ordinal} | The same with the [game]({GAMES_PAGE}) filled in | | |")
    return "\n".join(lines)


def render(env_id: str, *sections: str) -> str:
    """Describe an environment: its facts, then the sections of its class's docstring.

    Args:
        env_id: A registered id; ``parallel:ID`` for the PettingZoo class of the id.
        sections: ``facts`` for the facts alone.
    """
    if sections == ("facts",):
        return _facts(env_id)
    env_class = _class_of(env_id)
    parts = [f"[](){{#{env_class.__module__}.{env_class.__qualname__}}}", ""]
    for title, body in _sections(env_class).items():
        if title in ("", "Raises"):
            continue
        parts += [f"## {title}" if ":" not in env_id else f"### {title}", ""]
        parts += [*_arguments(env_class, body), ""] if title == "Arguments" else [_linked(body, env_class), ""]
    return "\n".join(parts)


def _facts(env_id: str) -> str:
    import gymnasium as gym

    spec, made = gym.spec(env_id), _make(env_id)
    arguments = "".join(f", {name}=..." for name in (*_REQUIRED.get(env_id, ()), *_ELSEWHERE.get(env_id, ())))
    rows = {}
    if made is not None:
        rows["Observation space"] = f"`{made.observation_space}`"
        rows["Action space"] = f"`{made.action_space}`"
        rows["Render modes"] = ", ".join(f"`{mode}`" for mode in made.metadata["render_modes"])
    rows["Truncated after"] = f"{spec.max_episode_steps} steps" if spec.max_episode_steps else "see Episode end"
    return "\n".join(
        [
            f'| Make | `gym.make("{env_id}"{arguments})` |',
            "| --- | --- |",
            *(f"| {key} | {value} |" for key, value in rows.items()),
        ]
    )


def _make(env_id: str) -> Any:
    """Make an environment; ``None`` if a library is missing, or it exists only where something outside runs."""
    import gymnasium as gym

    import quintain  # noqa: F401  # registers the environments
    from quintain.errors import MissingDependencyError

    if env_id in _ELSEWHERE:
        return None
    try:
        return gym.make(env_id, **_REQUIRED.get(env_id, {})).unwrapped
    except MissingDependencyError:
        return None


def _class_of(env_id: str) -> Any:
    import gymnasium as gym
    from pettingzoo.env_registry.registration import parallel_registry

    import quintain  # noqa: F401  # registers the environments
    from quintain.registry import load_attribute

    kind, _, name = env_id.rpartition(":")
    spec = parallel_registry[name] if kind == "parallel" else gym.spec(name)
    return load_attribute(str(spec.entry_point))


def _sections(env_class: Any) -> dict[str, str]:
    """Split a class's docstring at its headings; the first line has the heading ``""``."""
    pieces = _HEADING.split(inspect.cleandoc(env_class.__doc__))
    titles = [markdown or google for markdown, google in zip(pieces[1::3], pieces[2::3], strict=True)]
    found = {"": " ".join(pieces[0].split("\n\n")[0].split())}
    return found | {title: textwrap.dedent(body).strip() for title, body in zip(titles, pieces[3::3], strict=True)}


def _arguments(env_class: Any, body: str) -> Iterator[str]:
    """Yield the arguments as a table, and what follows them as text."""
    known = inspect.signature(env_class).parameters
    entries, _, rest = body.partition("\n\n")
    pieces = _ENTRY.split(entries)
    yield from ("| argument | default | meaning |", "| --- | --- | --- |")
    for names, text in zip(pieces[1::2], pieces[2::2], strict=True):
        listed = names.split("``, ``")
        defaults = [known[name].default for name in listed if name in known]
        shown = ", ".join(f"`{value!r}`" for value in defaults if value is not inspect.Parameter.empty)
        cell = _linked(" ".join(text.split()), env_class).replace("|", "\\|")
        yield f"| {', '.join(f'`{name}`' for name in listed)} | {shown} | {cell} |"
    yield from ("", _linked(rest, env_class))


def _linked(text: str, env_class: Any) -> str:
    """Turn the roles of a docstring into links, and its double backquotes into single ones."""

    def link(match: re.Match[str]) -> str:
        shortened, name = match.groups()
        shown = name.rpartition(".")[2] if shortened else name
        target = name if name.startswith("quintain.") else f"{env_class.__module__}.{name}"
        return f'<autoref optional identifier="{target}"><code>{shown}</code></autoref>'

    return re.sub(r"``(.+?)``", lambda m: m[0] if "`" in m[1] else f"`{m[1]}`", _ROLE.sub(link, text))


def _opening(page: str) -> str:
    """Return the first sentence of a page."""
    paragraphs = (ROOT / "docs" / "environments" / page).read_text(encoding="utf-8").split("\n\n")
    return re.split(r"(?<=[.:]) ", " ".join(paragraphs[1].split()))[0].rstrip(".:")


def _short(space: Any) -> str:
    return (
        f"`{type(space).__name__}`" if not getattr(space, "shape", None) else f"`{type(space).__name__}{space.shape}`"
    )
