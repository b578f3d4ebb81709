"""The search, the debate and the agents on small repositories in memory, with scripted policies."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

import quintain
from quintain.agents import make_agent
from quintain.agents.search import Tree, tree_page
from quintain.agents.search.swe import (
    Attempt,
    Candidate,
    RuleValue,
    SWESearchAgent,
    SWESearchSettings,
    UCTBonuses,
    candidates,
    debate,
    swe_search,
)
from quintain.agents.search.swe.debate import Answer, ModelDebater
from quintain.agents.search.swe.phases import next_phase
from quintain.agents.search.swe.policies import Proposal
from quintain.engines import ScriptedEngine
from quintain.errors import CapabilityError, ConfigurationError
from quintain.evaluation.requests import decisions_of
from quintain.experiments.repair_search import MutationPolicy, NoisyDebater
from quintain.records import read_episodes

TASK = "ringbuffer/buffer/comparison/0/terse"
VIEW = '{"tool": "view_code", "path": "ringbuffer/buffer.py"}'
REPAIR = json.dumps(
    {"tool": "string_replace", "path": "ringbuffer/buffer.py", "old": "if capacity <= 1:", "new": "if capacity < 1:"}
)
FINISH = '{"tool": "finish"}'


@dataclasses.dataclass
class Result:
    observation: str
    ended: str = ""
    error: str | None = None
    malformed: bool = False
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


class Number:
    """A simulator whose state is a text of letters; an action adds its letter, and "finish" submits it."""

    def __init__(self) -> None:
        self.text, self.steps = "", 0

    def snapshot(self) -> str:
        return self.text

    def restore(self, state: str) -> None:
        self.text = state

    def step(self, action: str) -> Result:
        self.steps += 1
        if action == "finish":
            return Result("", "finish", facts={"kind": "end", "tool": "finish", "patch": self.text})
        self.text += action
        good = self.text.startswith("ab"[: len(self.text)])
        tests = {"passed": 0, "failed": 0 if good else 1, "problem": ""}
        return Result(self.text, facts={"kind": "edit", "tool": action, "patch": self.text, "tests": tests})


class Scripted:
    """A policy that goes on with a fixed sequence for each prefix, and remembers its hints."""

    def __init__(self, **plans: str) -> None:
        self.plans = {name.strip("_"): list(plan) for name, plan in plans.items()}
        self.hints: list[tuple[str, str]] = []

    async def __call__(
        self, issue: str, attempts: Sequence[Attempt], hint: str, tools: Sequence[str], seed: int
    ) -> Proposal:
        prefix = "".join(attempt.action for attempt in attempts)
        self.hints.append((prefix, hint))
        plan = self.plans.get(prefix or "root", [])
        return Proposal(plan.pop(0) if plan else "finish", 10)


SETTINGS = SWESearchSettings(UCTBonuses(diversity=0, repeats=0), max_iterations=20, max_finished=2, max_depth=4)


def run(policy: Any, settings: SWESearchSettings = SETTINGS, **options: Any) -> Any:
    return asyncio.run(swe_search("issue", Number(), policy, RuleValue(), settings, **options))


def test_a_parent_is_restored_exactly_before_it_is_expanded_again() -> None:
    result = run(Scripted(root="xaa", a="b"))
    observed = [attempt.observation for attempt in result.tree.attempts if attempt.facts.get("kind") == "edit"]
    assert "x" in observed
    assert "a" in observed
    assert all(len(text) <= 4 for text in observed)
    for attempt in result.tree.attempts[1:]:
        if attempt.kind == "edit":
            assert attempt.observation.endswith(attempt.action)


def test_the_chosen_patch_is_the_best_finished_one() -> None:
    result = run(Scripted(root="xa", a="b"))
    assert result.tree.attempts[result.chosen].patch == "ab"
    assert result.actions == ["a", "b", "finish"]


def test_hindsight_comes_from_the_worst_child_and_on_reexpansion_alone() -> None:
    policy = Scripted(root="xabc")
    run(policy, dataclasses.replace(SETTINGS, max_finished=5))
    first = [hint for prefix, hint in policy.hints if prefix == ""]
    assert first[0] == ""
    assert all("a separate branch somebody already tried this" in hint for hint in first[1:])
    assert "\nx\n" in first[1]
    assert all("\nx\n" in hint for hint in first[1:]), "x stays the worst child"
    silent = Scripted(root="xabc")
    run(silent, dataclasses.replace(SETTINGS, feedback=False))
    assert {hint for _, hint in silent.hints} == {""}


def test_duplicates_are_not_executed_and_get_no_reward() -> None:
    result = run(Scripted(root="aaa"), dataclasses.replace(SETTINGS, max_iterations=3, finish_first=False))
    facts = result.tree.tree.facts
    assert facts["iterations"] == facts["steps"] + facts["duplicates"]
    for node, attempt in enumerate(result.tree.attempts):
        if attempt.duplicate:
            assert (attempt.reward, result.tree.tree.visits[node], attempt.observation) == (0, 0, "")


def test_an_edit_with_the_patch_of_a_sibling_is_a_duplicate() -> None:
    class Spelled(Number):
        def step(self, action: str) -> Result:
            return super().step("finish" if action == "finish" else action.strip())

    policy = Scripted(root=["a ", " a", "b"])  # type: ignore[arg-type]
    result = asyncio.run(swe_search("issue", Spelled(), policy, RuleValue(), SETTINGS))
    patches = [a.patch for a in result.tree.attempts_to(1)] + ["a"]
    assert set(patches) == {"a"}


def test_the_search_respects_its_limits() -> None:
    result = run(Scripted(root="xyzw"), dataclasses.replace(SETTINGS, max_iterations=5, max_finished=9))
    assert result.tree.tree.facts["iterations"] == 5
    assert all(len(result.tree.children(k, duplicates=True)) <= 3 for k in range(len(result.tree)))
    result = run(Scripted(), dataclasses.replace(SETTINGS, max_finished=1))
    assert len(candidates(result.tree)) <= 1


def test_equal_seeds_give_equal_trees() -> None:
    trees = [run(Scripted(root="xab", a="bc")).tree.tree.to_json() for _ in range(2)]
    assert trees[0] == trees[1]


def test_phases_of_the_state_machine() -> None:
    assert next_phase("flat", "", "edit", False) == ""
    steps = [("search", "search"), ("identify", "search"), ("identify", "view"), ("plan", "edit"), ("plan", "test")]
    assert [next_phase("state-machine", phase, kind, False) for phase, kind in steps] == [
        "identify", "identify", "plan", "plan", "plan",
    ]  # fmt: skip
    assert next_phase("state-machine", "search", "search", True) == "search"


CHOICES = [Candidate(k, f"patch {k}", "fine", 50.0 + k, 20.0) for k in range(3)]


class Says:
    """A debater that gives scripted choices and remembers what it was shown."""

    def __init__(self, choose: Any) -> None:
        self.choose, self.seen = choose, []  # type: ignore[var-annotated]

    async def __call__(self, issue: str, shown: Any, own: str, others: Any, conclude: bool, seed: int) -> Answer:
        self.seen.append((own, list(others), conclude))
        return Answer(self.choose(len(self.seen) - 1, conclude), "because")


def test_a_debate_has_five_agents_three_rounds_and_a_conclusion() -> None:
    says = Says(lambda k, conclude: 2 if conclude else k % 3)
    choice, history = asyncio.run(debate("issue", CHOICES, says))
    assert choice == 2
    assert [len(row) for row in history] == [5, 5, 5, 1]
    assert says.seen[0] == ("", [], False)
    own, others, _ = says.seen[5]
    assert own == "Patch 0: because"
    assert others == [f"Patch {k % 3}: because" for k in range(1, 5)]
    assert len(says.seen[15][1]) == 5


def test_without_a_conclusion_a_clear_majority_decides_and_else_nobody() -> None:
    majority = Says(lambda k, conclude: None if conclude else (1 if k % 5 < 3 else 0))
    assert asyncio.run(debate("issue", CHOICES, majority))[0] == 1
    tie = Says(lambda k, conclude: None if conclude or k % 5 == 4 else k % 2)
    assert asyncio.run(debate("issue", CHOICES, tie))[0] is None
    assert asyncio.run(debate("issue", CHOICES[:1], tie)) == (0, [])
    assert asyncio.run(debate("issue", [], tie)) == (None, [])


def test_without_a_choice_the_mean_reward_decides() -> None:
    result = run(Scripted(root="xa", a="b"), debater=Says(lambda k, conclude: None))
    means = {each.node: each.mean for each in result.candidates}
    assert result.chosen == max(means, key=means.__getitem__)


@pytest.mark.parametrize(
    ("text", "choice"),
    [('{"reason": "r", "choice": 1}', 1), ('{"choice": "patch 2"}', 2), ('{"choice": 7}', None), ("no idea", None)],
)
def test_answers_of_a_model_are_read(text: str, choice: int | None) -> None:
    debater = ModelDebater(ScriptedEngine(text))
    assert asyncio.run(debater("issue", CHOICES, "", [], False, 0)).choice == choice


def script(request: Any) -> str:
    """Play the agent, the value agent and the debate of the instance TASK."""
    first, last = request.messages[0]["content"], request.messages[-1]["content"]
    if first.startswith("You repair a bug"):
        said = [message["content"] for message in request.messages if message["role"] == "assistant"]
        return f"Next. {(VIEW, REPAIR, FINISH)[min(len(said), 2)]}"
    if "Several patches" in first:
        return '{"reason": "only one", "choice": 0}'
    assert "The last action" in last
    return '{"explanation": "good", "feedback": "go on", "reward": 80}'


ENV = {"packages": "ringbuffer", "operators": "comparison", "issue": "terse"}


@pytest.mark.parametrize("name", ["repair-agent", "swe-search"])
def test_the_agents_repair_a_bug_with_the_same_prompts(name: str, tmp_path: Any) -> None:
    options = {"max_finished": 1} if name == "swe-search" else {}
    agent = make_agent(name, engine=ScriptedEngine(script), **options)
    quintain.evaluate("Repair-v0", agent, env_kwargs=ENV, episodes=1, out=tmp_path / "run")
    (record,) = read_episodes(tmp_path / "run")
    assert record.outcome == "success"
    assert [json.loads(step["action"].removeprefix("Next. "))["tool"] for step in record.steps] == [
        "view_code", "string_replace", "finish",
    ]  # fmt: skip


def test_the_record_holds_the_tree_and_the_manifest_the_simulator(tmp_path: Any) -> None:
    agent = make_agent("swe-search", engine=ScriptedEngine(script), max_finished=1)
    quintain.evaluate("Repair-v0", agent, env_kwargs=ENV, episodes=1, out=tmp_path / "run")
    (record,) = read_episodes(tmp_path / "run")
    (decision,) = decisions_of(record)
    tree = Tree.from_json(json.dumps(decision["tree"]))
    assert "string_replace" in tree_page(tree)
    assert decision["candidates"][decision["chosen"]]["scores"]["reward"] == 80
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert '"uses_simulator": true' in json.dumps(manifest)


def test_an_environment_without_a_simulator_is_an_error() -> None:
    agent = make_agent("swe-search", engine=ScriptedEngine(script))
    with pytest.raises(CapabilityError, match="CodeReason-v0 offers none"):
        quintain.evaluate("CodeReason-v0", agent, env_kwargs={"tasks": "letters"}, episodes=1)


def test_arguments_are_checked() -> None:
    for options in ({"preset": "best"}, {"value": "guess"}, {"choice": "dice"}, {"feedback": 1}):
        with pytest.raises(ConfigurationError):
            SWESearchAgent("scripted", **options)  # type: ignore[arg-type]


def test_the_policy_without_a_model_reads_edits_and_finishes() -> None:
    policy = MutationPolicy(premature=0.0)
    agent = SWESearchAgent(
        "scripted", policy=policy, value="rules", choice=NoisyDebater(), max_iterations=12, max_finished=2
    )
    kwargs = {"packages": "lrucache", "split": "train", "operators": ["comparison"]}
    report = quintain.evaluate("Repair-v0", agent, env_kwargs=kwargs, episodes=2, seed=1)
    again = quintain.evaluate("Repair-v0", agent, env_kwargs=kwargs, episodes=2, seed=1)
    assert report.errors == 0
    tools = [[json.loads(step["action"])["tool"] for step in record.steps] for record in report.episodes]
    assert all(names[-1] == "finish" for names in tools)
    assert tools == [[json.loads(s["action"])["tool"] for s in record.steps] for record in again.episodes]
