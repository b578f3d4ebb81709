"""Questions to Gymnasium environments and PettingZoo games: ours of ``quintain.check``, and those that need play."""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import math
import re
import shlex
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.envs.checker import CheckReport, check
from quintain.envs.conventions import HOSTILE
from quintain.envs.making import make_env
from quintain.envs.protocols import SolvableEnv
from quintain.envs.transcripts import MAX_STEPS, default_policy, is_member, play
from quintain.redaction import redact_settings
from quintain.serving.audit.junk import junk_answers
from quintain.serving.audit.programs import expression
from quintain.serving.audit.rows import Row, Severity

__all__ = ["Target", "environment_rows"]

SEEDS = range(6)
#: Questions that checks of ``quintain.check`` answer: their names there (without "parallel" or "aec"), and how severe
#: a failure is.
_CHECKED: tuple[tuple[str, Severity, tuple[str, ...]], ...] = (
    ("seed honoured", "high", ("same seed same episode", "different seeds differ", "resets without a seed differ")),
    ("seeds of 32 bits accepted", "low", ("takes the seeds of evaluate",)),
    ("instances independent", "high", ("instances do not interfere", "global generators untouched")),
    ("same episode when made again", "medium", ("spec survives json", "restored states continue")),
    ("steps keep the contract", "high", ("every step keeps the contract", "gymnasium check_env", "info adds up")),
    ("hostile actions are survived", "medium", ("hostile actions are outcomes",)),
    ("episodes end", "low", ("episodes end",)),
)
#: Conventions of Quintain's own, which other environments have no reason to follow.
_OUR_CONVENTIONS = {"info adds up"}
_LEAK_WINDOWS, _LEAK_EPISODES = 4, 5
#: Growth of memory per episode, in bytes, from which it is a leak: records of a few numbers are below.
_LEAK_BYTES = 512
_EXCEPTION = re.compile(r"Traceback \(most recent call last\)|^\w*(Error|Exception)\b")


@dataclass(frozen=True)
class Target:
    """An environment under audit.

    Attributes:
        env_id: Its id in Gymnasium's or PettingZoo's registry.
        kwargs: Its arguments; plain data.
        is_remote: Whether it runs on a server, so that its memory is elsewhere.
    """

    env_id: str
    kwargs: Mapping[str, Any]
    is_remote: bool = False

    def make(self) -> gym.Env[Any, Any]:
        """Make one environment."""
        return make_env(self.env_id, self.kwargs)

    def program(self, *lines: str) -> str:
        """Return a program that makes the environment and then runs ``lines``; secrets are masked."""
        module, _, name = self.env_id.rpartition(":")
        arguments = "".join(f", {key}={expression(value)}" for key, value in redact_settings(self.kwargs).items())
        imports = ["import gymnasium as gym", "import quintain"] + ([f"import {module}"] if module else [])
        if any("np." in line for line in (arguments, *lines)):
            imports.insert(1, "import numpy as np")
        if any("play(" in line for line in lines):
            imports.append("from quintain.envs.transcripts import default_policy, play")
        return "\n".join([*imports, f"env = gym.make({name!r}{arguments})", *lines])

    def command(self, verb: str = "check") -> str:
        """Return the command that checks the environment, or audits it; secrets are masked."""
        given = [f"{key}={json.dumps(value)}" for key, value in redact_settings(self.kwargs).items()]
        return f"quintain {verb} {self.env_id}" + "".join(f" --env-arg {shlex.quote(pair)}" for pair in given)


def environment_rows(target: Target) -> Iterator[Row]:
    """Ask all questions, one row each.

    Raises:
        UnknownNameError: If the id is in no registry.
        ConfigurationError: If the environment cannot be made.
    """
    report = check(target.env_id, target.kwargs, strict=False, raise_on_failure=False)
    yield from (_checked(target, report, *entry) for entry in _CHECKED)
    if target.env_id.rpartition(":")[2] not in gym.registry:
        return  # a game of several seats: the rest is asked of environments
    for question, ask in _PLAYED.items():
        try:
            with contextlib.closing(target.make()) as env:
                found = ask(target, env)
        except Exception as error:
            found = Row(question, "fault", f"{type(error).__name__}: {error}", "high", target.command("audit"))
        yield found


def _checked(target: Target, report: CheckReport, question: str, severity: Severity, names: tuple[str, ...]) -> Row:
    def found(results: Mapping[str, str]) -> list[str]:
        return [f"{title}: {why}" for title, why in results.items() if title.endswith(names)]

    failed = found(report.failed)
    noted = found({title: why for title, why in report.notes.items() if title not in _OUR_CONVENTIONS})
    if failed:
        return Row(question, "fault", "; ".join(failed)[:1000], severity, target.command())
    if noted:
        return Row(question, "note", "; ".join(noted)[:1000])
    passed = [title for title in (*report.passed, *report.notes) if title.endswith(names)]
    skipped = found(report.skipped)
    return Row(question, "pass") if passed else Row(question, "skip", "; ".join(skipped)[:300])


def _junk_earns_nothing(target: Target, env: gym.Env[Any, Any]) -> Row:
    question = "junk answers earn nothing"
    if not isinstance(env.action_space, spaces.Text):
        return Row(question, "skip", "actions are no texts")
    worst: tuple[float, str, int] = (0.0, "", 0)
    for seed in SEEDS:
        text, _ = env.reset(seed=seed)
        for name, answer in junk_answers(str(text)).items():
            env.reset(seed=seed)
            if not is_member(answer, env.action_space):
                continue
            _, reward, _, _, info = env.step(answer)
            if info.get("success") or float(reward) > worst[0]:
                worst = max(worst, (1.0 if info.get("success") else float(reward), name, seed))
    gained, name, seed = worst
    if gained <= 0:
        return Row(question, "pass")
    lines = f"text, info = env.reset(seed={seed})", f"print(env.step({_junk_code(name)})[1:])"
    detail = f"the answer {name!r} to seed {seed} earned {gained:g}"
    if gained <= 0.1:  # a reward for the form of an answer
        return Row(question, "note", f"{detail}, as for the form of an answer")
    return Row(question, "fault", detail, _severity(gained), target.program(*lines))


def _severity(gained: float) -> Severity:
    return "high" if gained >= 0.5 else "medium"


def _junk_code(name: str) -> str:
    return f"__import__('quintain.serving.audit', fromlist=['']).junk_answers(text)[{name!r}]"


def _there_is_an_oracle(target: Target, env: gym.Env[Any, Any]) -> Row:
    if isinstance(env.unwrapped, SolvableEnv):
        return Row("oracle present", "pass")
    return Row("oracle present", "note", "no solution(): whether right answers are accepted cannot be tested")


def _gold_is_accepted(target: Target, env: gym.Env[Any, Any]) -> Row:
    question = "gold answer accepted"
    if not isinstance(env.unwrapped, SolvableEnv):
        return Row(question, "skip", "there is no oracle")
    for seed in SEEDS:
        env.reset(seed=seed)
        total = 0.0
        info: Mapping[str, Any] = {}
        for _ in range(MAX_STEPS):
            _, reward, terminated, truncated, info = env.step(env.unwrapped.solution())
            total += float(reward)
            if terminated or truncated:
                break
        refused = not info["success"] if "success" in info else total <= 0
        if refused:
            lines = (
                f"for step in play(env, {seed}, lambda env, rng: env.unwrapped.solution()):",
                "    print(step[0], step[2:])",
            )
            return Row(
                question, "fault", f"seed {seed}: its own solution earned {total:g}", "high", target.program(*lines)
            )
    return Row(question, "pass", f"on {len(SEEDS)} seeds")


def _rewards_are_in_range(target: Target, env: gym.Env[Any, Any]) -> Row:
    question = "rewards in the declared range"
    declared = getattr(env.unwrapped, "reward_range", None) or env.unwrapped.metadata.get("reward_range")
    try:
        low, high = (float(bound) for bound in declared)  # type: ignore[union-attr]  # None is a TypeError
    except (TypeError, ValueError):
        return Row(question, "skip", "no range is declared (reward_range)")
    if math.isinf(low) and math.isinf(high):
        return Row(question, "skip", "the declared range is unbounded")
    for seed in SEEDS:
        for number, step in enumerate(play(env, seed, default_policy)):
            if number and not low <= float(step[2]) <= high:
                detail = f"seed {seed}, step {number}: the reward {step[2]} is outside of [{low:g}, {high:g}]"
                line = f"print(list(play(env, {seed}, default_policy))[{number}][2])"
                return Row(question, "fault", detail, "medium", target.program(line))
    return Row(question, "pass", f"[{low:g}, {high:g}]")


def _failures_are_no_scores(target: Target, env: gym.Env[Any, Any]) -> Row:
    """Look for steps that report an exception in ``info`` and are rewarded or end the episode all the same."""
    question = "a failure is not a score"
    actions: list[Any] = [action for action in HOSTILE if is_member(action, env.action_space)]
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    actions += [default_policy(env, rng) for _ in range(20)]
    for action in actions:
        env.reset(seed=0)
        try:
            _, reward, terminated, truncated, info = env.step(action)
        except Exception:  # an exception is no score
            continue
        for key, value in info.items():
            if key in ("parse_error", "reward_error") or not isinstance(value, str) or not _EXCEPTION.search(value):
                continue
            if terminated or truncated or float(reward) != 0:
                detail = f"info[{key!r}] is {value[:80]!r}, and the step is scored with {float(reward):g}"
                lines = "env.reset(seed=0)", f"print(env.step({expression(action)})[1:])"
                return Row(question, "fault", detail, "high", target.program(*lines))
    return Row(question, "pass", "as far as info shows")


def _truncation_is_told(target: Target, env: gym.Env[Any, Any]) -> Row:
    question = "truncation told from termination"
    lengths, flags = [], set()
    limit = env.spec.max_episode_steps if env.spec is not None else None
    most = max(MAX_STEPS, min(limit or 0, 2000))
    for seed in SEEDS:
        steps = list(play(env, seed, default_policy, limit=most))
        number, (*_, terminated, truncated, info) = len(steps) - 1, steps[-1]
        if terminated or truncated:
            lengths.append(number)
            flags.add((bool(terminated), bool(truncated)))
        if terminated and not truncated and info.get("TimeLimit.truncated"):
            detail = "info says TimeLimit.truncated, the step says terminated"
            line = f"print(list(play(env, {seed}, default_policy, limit={most}))[-1][-3:])"
            return Row(question, "fault", detail, "medium", target.program(line))
    if not lengths:
        return Row(question, "skip", "no episode ended")
    together = {(True, True), (True, False)}
    if limit is not None and set(lengths) == {limit} and len(lengths) > 1 and flags <= together:
        detail = f"all {len(lengths)} episodes are terminated in step {limit}, which is the registered limit"
        lines = (
            f"for seed in range({len(SEEDS)}):",
            f"    *_, last = enumerate(play(env, seed, default_policy, limit={most}))",
            "    print(last[0], last[1][-3:])",
        )
        return Row(question, "fault", detail, "medium", target.program(*lines))
    if len(set(lengths)) == 1 and lengths[0] > 1 and flags == {(True, False)}:
        return Row(
            question, "note", f"all {len(lengths)} episodes are terminated in step {lengths[0]}: is it a time limit?"
        )
    return Row(question, "pass")


def _steps_take(target: Target, env: gym.Env[Any, Any]) -> Row:
    count, start = 0, time.process_time()
    for seed in SEEDS:
        count += sum(1 for _ in play(env, seed, default_policy))
        if time.process_time() - start > 10:
            break
    per_step = (time.process_time() - start) / count * 1000
    where = ", on this side of the wire" if target.is_remote else ""
    return Row("step time", "pass", f"{per_step:.3g} CPU ms a step, random actions and copies included{where}")


def _memory_does_not_grow(target: Target, env: gym.Env[Any, Any]) -> Row:
    question = "memory does not grow"
    if target.is_remote:
        return Row(question, "skip", "the environment's memory is the server's")

    def episodes(start: int) -> int:
        for seed in range(start, start + _LEAK_EPISODES):
            for _ in play(env, seed, default_policy, limit=50):
                pass
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    episodes(0)  # caches fill
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        # The same seeds in every window: a cache of what was drawn is no leak.
        sizes = [episodes(0) for _ in range(_LEAK_WINDOWS)]
    finally:
        if not tracing:
            tracemalloc.stop()
    growth = [(after - before) / _LEAK_EPISODES for before, after in itertools.pairwise(sizes)]
    if min(growth) > _LEAK_BYTES:
        detail = (
            f"{min(growth):.0f} bytes and more per episode of at most 50 steps, in {len(growth)} windows of equal seeds"
        )
        lines = (
            "import tracemalloc",
            "tracemalloc.start()",
            f"for _ in range({_LEAK_WINDOWS + 1}):",
            f"    for seed in range({_LEAK_EPISODES}):",
            "        list(play(env, seed, default_policy, limit=50))",
            "    print(tracemalloc.get_traced_memory()[0])",
        )
        return Row(question, "fault", detail, "medium", target.program(*lines))
    return Row(question, "pass")


#: Questions that are asked by playing.
_PLAYED: Mapping[str, Callable[[Target, gym.Env[Any, Any]], Row]] = {
    "junk answers earn nothing": _junk_earns_nothing,
    "oracle present": _there_is_an_oracle,
    "gold answer accepted": _gold_is_accepted,
    "rewards in the declared range": _rewards_are_in_range,
    "a failure is not a score": _failures_are_no_scores,
    "truncation told from termination": _truncation_is_told,
    "step time": _steps_take,
    "memory does not grow": _memory_does_not_grow,
}
