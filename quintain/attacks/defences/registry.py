"""The defences by name.

A defence that trains is a function ``f(make_env, *, epsilon, space, settings, seed, name, progress, ...)`` that returns
a :class:`~quintain.attacks.defences.settings.Defended`; one that filters is a function ``f(policy, ...)`` that returns
a policy. Adding a defence takes a file with that function, a line here, and a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from quintain.registry import Registry

__all__ = ["DEFENCES", "DefenceFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenceFacts:
    """What is declared about a defence, readable without importing it.

    Attributes:
        kind: ``"training"`` for one that trains a policy from scratch, ``"filter"`` for one that wraps a policy.
            Default: ``"training"``.
        source: The publication; empty if not declared.
        needs_attacker_reward: Whether the environment has to report ``info["attacker_reward"]``. Default: false.
        needs_intention_policy: Whether the second argument is an attacker's intention policy. Default: false.
    """

    kind: Literal["training", "filter"] = "training"
    source: str = ""
    needs_attacker_reward: bool = False
    needs_intention_policy: bool = False


#: Other packages add defences by the entry-point group ``quintain.defences``.
DEFENCES: Registry[Any, DefenceFacts] = Registry("defence", DefenceFacts, group="quintain.defences")

_BAI = "Bai et al. 2025"
DEFENCES.add("sa", "quintain.attacks.defences.sa_ppo:train_sa_ppo", source="Zhang et al. 2020")
DEFENCES.add("atla", "quintain.attacks.defences.atla:train_atla", source="Zhang et al. 2021")
DEFENCES.add("rat-atla", "quintain.attacks.defences.rat_atla:train_rat_atla", source=_BAI, needs_attacker_reward=True)
DEFENCES.add("wocar", "quintain.attacks.defences.wocar:train_wocar", source="Liang et al. 2022")
DEFENCES.add("rat-wocar", "quintain.attacks.defences.wocar:train_rat_wocar", source=_BAI, needs_intention_policy=True)
DEFENCES.add("smooth-observations", "quintain.attacks.defences.smoothing:smooth_observations", kind="filter")
DEFENCES.add("smooth-actions", "quintain.attacks.defences.smoothing:smooth_actions", kind="filter")
