"""The offline analyzer: patterns in the last steps of failed episodes, without a language model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from quintain.reward_signature import RewardSignature
from quintain.rewards.designer.roles import Analysis, Design, Evidence, Finding, Trajectory

__all__ = ["PatternAnalyzer", "distance_to"]

#: Distance within which a thing counts as near, in the unit of ``places``.
NEAR = 2.0
#: Pitch beyond which the agent looks at floor or ceiling, in degrees.
STEEP = 55.0
#: Share of episodes, or of steps, from which a pattern counts.
SHARE = 0.3


def distance_to(inputs: Mapping[str, Any], signature: RewardSignature) -> float:
    """Return the distance of the first declared target that is seen; infinity if none is, or none is declared."""
    for target in signature.targets:
        value = inputs[target.input]
        if target.to:
            return math.dist(value, inputs[target.to])
        if target.name in value:
            return math.hypot(*value[target.name])
    return math.inf


class PatternAnalyzer:
    """Finds task failures (what kills, what is never seen) and reward gaming (loops, looking away) in trajectories.

    It compares episodes that ended with death with the others: what was near in the last steps of the former, and less
    often in those of the latter, is named as a hazard.
    """

    label = "offline pattern analyzer"

    async def analyze(self, signature: RewardSignature, design: Design, evidence: Evidence) -> Analysis:
        """Return the patterns, the most frequent cause of death first."""
        failed = [each for each in evidence.trajectories if each.outcome != "success"]
        dead = [each for each in failed if each.outcome == "death"]
        others = [each for each in evidence.trajectories if each.outcome != "death"]
        found = _hazards(signature, dead, others)
        alive = [each for each in failed if each.outcome == "failure"]
        found += [*_errors(failed), *_oscillation(failed), *_look_away(signature, failed), *_unseen(signature, alive)]
        found += _idle(signature, alive)
        words = [evidence.headline() + ".", *(finding.words for finding in found)]
        if not found:
            words.append("No pattern stands out; train for longer.")
        return Analysis("\n".join(words), tuple(found), self.label)


def _near_at_end(trajectory: Trajectory, signature: RewardSignature) -> set[tuple[str, str]]:
    """Return what was within ``NEAR`` in one of the last steps, as (input, name)."""
    return {
        (each.name, name)
        for each in signature.inputs
        if each.kind == "places"
        for inputs in trajectory.inputs
        for name, place in inputs[each.name].items()
        if math.hypot(*place) <= NEAR
    }


def _hazards(signature: RewardSignature, dead: Sequence[Trajectory], others: Sequence[Trajectory]) -> list[Finding]:
    """Return what was near before deaths, at least twice as often as before other ends."""
    if not dead:
        return []
    counts = Counter(thing for each in dead for thing in _near_at_end(each, signature))
    base = Counter(thing for each in others for thing in _near_at_end(each, signature))
    rates = {thing: (count / len(dead), base[thing] / max(len(others), 1)) for thing, count in counts.items()}
    likely = sorted((b - a, *thing) for thing, (a, b) in rates.items() if a >= SHARE and a >= 2 * b)
    return [
        Finding(
            "hazard", where, name,
            f"In {rates[where, name][0]:.0%} of {len(dead)} deaths {name} was within {NEAR:g} in the last steps "
            f"(other episodes: {rates[where, name][1]:.0%}). The agent is killed near {name}: penalise {name} nearby.",
        )
        for _, where, name in likely[:1]
    ]  # fmt: skip


def _errors(failed: Sequence[Trajectory]) -> list[Finding]:
    steps = [value for each in failed for value in each.dense]
    share = sum(value != value for value in steps) / len(steps) if steps else 0.0
    if share < 0.01:
        return []
    return [Finding("error", words=f"The reward function failed in {share:.0%} of the steps: repair it.")]


def _oscillation(failed: Sequence[Trajectory]) -> list[Finding]:
    """Return whether failed episodes were paid more than the goal is worth, mostly for no new progress."""
    paid, unearned = sum(each.paid for each in failed), sum(each.unearned for each in failed)
    rich = [each for each in failed if 0.1 * each.dense_sum >= 1.0]
    if not failed or not paid or len(rich) < SHARE * len(failed) or unearned < 0.5 * paid:
        return []
    mean = 0.1 * sum(each.dense_sum for each in failed) / len(failed)
    words = (
        f"Failed episodes earned {mean:.1f} of dense reward on average, the goal pays 1; {unearned / paid:.0%} of "
        "the paid steps were no closer to the target than before. The agent moves back and forth and is paid each "
        "time: pay only for a new minimum of the distance, or for new ground, which takes the memory."
    )
    return [Finding("oscillation", words=words)]


def _look_away(signature: RewardSignature, failed: Sequence[Trajectory]) -> list[Finding]:
    if not any(each.name == "pitch" for each in signature.inputs):
        return []
    pitches = [abs(inputs["pitch"]) for each in failed for inputs in each.inputs]
    share = sum(pitch >= STEEP for pitch in pitches) / len(pitches) if pitches else 0.0
    if share < SHARE:
        return []
    words = (
        f"In {share:.0%} of the last steps of failed episodes the agent looks steeply up or down: neither hazards "
        "nor targets are in its view, and a penalty for what is seen ends. Penalise a steep pitch."
    )
    return [Finding("look_away", "pitch", words=words)]


def _unseen(signature: RewardSignature, alive: Sequence[Trajectory]) -> list[Finding]:
    """Return whether the target is out of sight at the end of most episodes that ran out of time."""
    places = [target for target in signature.targets if not target.to]
    if not places or not alive:
        return []
    unseen = sum(
        all(target.name not in inputs[target.input] for inputs in each.inputs for target in places) for each in alive
    )
    if unseen < 0.5 * len(alive):
        return []
    words = (
        f"In {unseen / len(alive):.0%} of the episodes that ran out of time no target was in sight in the last steps: "
        "reward new ground, so that the agent searches."
    )
    return [Finding("unseen_target", places[0].input, places[0].name, words)]


def _idle(signature: RewardSignature, alive: Sequence[Trajectory]) -> list[Finding]:
    if not alive or not any(each.name == "position" for each in signature.inputs):
        return []
    still = [each for each in alive if len(each.inputs) > 1 and _extent(each) < 1.0]
    if len(still) < 0.5 * len(alive):
        return []
    words = f"{len(still) / len(alive):.0%} of the failed episodes end without movement: reward new ground."
    return [Finding("idle", "position", words=words)]


def _extent(trajectory: Trajectory) -> float:
    places = [inputs["position"] for inputs in trajectory.inputs]
    return max(math.dist(places[0], place) for place in places)
