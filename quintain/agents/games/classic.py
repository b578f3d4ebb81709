"""The classic strategies for games of two options, each as a finite-state machine.

Every function returns a machine; its docstring states the rule and its source. "Cooperate" means option 0 and "defect"
option 1, by whatever name the game calls them. Names follow Akata et al. (2025), and otherwise the literature on the
iterated prisoner's dilemma. Arguments that are probabilities lie in [0, 1].
"""

from __future__ import annotations

from quintain.agents.games.machines import Machine, memory_one
from quintain.errors import ConfigurationError

__all__ = [
    "alternator",
    "always_cooperate",
    "always_defect",
    "defect_once",
    "false_defector",
    "generous_tit_for_tat",
    "grim",
    "hard_tit_for_tat",
    "joss",
    "memory_one_strategy",
    "naive_prober",
    "random_strategy",
    "reverse_tit_for_tat",
    "suspicious_tit_for_tat",
    "tester",
    "tit_for_tat",
    "tit_for_two_tats",
    "win_stay_lose_shift",
    "zd_extort",
    "zd_generous",
]

_FOREVER = float("inf")


def always_cooperate() -> Machine:
    """Choose option 0 in every round."""
    return Machine("always-cooperate", (1.0,), ((0, 0, 0, 0),), 0)


def always_defect() -> Machine:
    """Choose option 1 in every round."""
    return Machine("always-defect", (0.0,), ((0, 0, 0, 0),), 0)


def defect_once() -> Machine:
    """Defect in the first round and cooperate ever after (Akata et al. 2025)."""
    return Machine("defect-once", (0.0, 1.0), ((1, 1, 1, 1), (1, 1, 1, 1)), 1)


def false_defector() -> Machine:
    """The name under which Akata et al. (2025) run ``defect-once`` in their extended set of opponents."""
    machine = defect_once()
    return Machine("false-defector", machine.cooperate, machine.following, machine.memory)


def alternator() -> Machine:
    """Choose option 0 in odd rounds and option 1 in even ones: turn-taking in the battle of the sexes."""
    return Machine("alternator", (1.0, 0.0), ((1, 1, 1, 1), (0, 0, 0, 0)), 1)


def tit_for_tat() -> Machine:
    """Cooperate first, then copy the other's last move (Rapoport, in Axelrod 1980)."""
    return Machine("tit-for-tat", (1.0, 0.0), ((0, 1, 0, 1), (0, 1, 0, 1)), 1)


def suspicious_tit_for_tat() -> Machine:
    """Tit-for-tat that defects first."""
    return Machine("suspicious-tit-for-tat", (0.0, 1.0), ((1, 0, 1, 0), (1, 0, 1, 0)), 1)


def reverse_tit_for_tat() -> Machine:
    """Defect first, then do the opposite of the other's last move (Nachbar 1992; also called Bully)."""
    return Machine("reverse-tit-for-tat", (0.0, 1.0), ((0, 1, 0, 1), (0, 1, 0, 1)), 1)


def tit_for_two_tats() -> Machine:
    """Cooperate unless the other defected in both of the last two rounds."""
    return Machine("tit-for-two-tats", (1.0, 1.0, 0.0), ((0, 1, 0, 1), (0, 2, 0, 2), (0, 2, 0, 2)), 2)


def hard_tit_for_tat() -> Machine:
    """Defect if the other defected in any of the last three rounds; cooperate first.

    State s counts down the rounds for which a defection still counts. (The script released with Akata et al. defects
    in the first round, against its own description; we follow the description.)
    """
    forgetting = ((0, 3, 0, 3), (0, 3, 0, 3), (1, 3, 1, 3), (2, 3, 2, 3))
    return Machine("hard-tit-for-tat", (1.0, 0.0, 0.0, 0.0), forgetting, 3)


def grim() -> Machine:
    """Cooperate until the other defects once, then defect for ever (Friedman 1971)."""
    return Machine("grim", (1.0, 0.0), ((0, 1, 0, 1), (1, 1, 1, 1)), _FOREVER)


def naive_prober(probe: float = 0.1) -> Machine:
    """Tit-for-tat that defects with probability ``probe`` where it would cooperate, except in the first round."""
    return memory_one("naive-prober", (1 - probe, 0, 1 - probe, 0))


def joss(cooperate: float = 0.9) -> Machine:
    """Tit-for-tat that answers cooperation with cooperation only 9 times in 10 (Axelrod 1980)."""
    return memory_one("joss", (cooperate, 0, cooperate, 0))


def win_stay_lose_shift() -> Machine:
    """Repeat the last move if the other cooperated, change it otherwise (Nowak and Sigmund 1993; also Pavlov)."""
    return memory_one("win-stay-lose-shift", (1, 0, 0, 1))


def generous_tit_for_tat(generosity: float = 1 / 3) -> Machine:
    """Tit-for-tat that forgives a defection with probability ``generosity`` (Nowak and Sigmund 1992).

    The default is their min(1 - (T - R)/(R - S), (R - P)/(T - P)) at the classic payoffs 3, 0, 5, 1.
    """
    return memory_one("generous-tit-for-tat", (1, generosity, 1, generosity))


def tester() -> Machine:
    """Defect first. If the other ever defects, apologise by cooperating once and play tit-for-tat from then on;
    otherwise cooperate twice and then defect every other round (Gladstein, in Axelrod 1980b).
    """  # noqa: D205
    apologised, angry = 5, 6
    return Machine(
        "tester",
        (0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0),
        (
            (1, apologised, 1, apologised),
            (2, apologised, 2, apologised),
            (3, apologised, 4, apologised),  # from here on: the opposite of the own last move
            (3, apologised, 4, apologised),
            (3, apologised, 4, apologised),
            (apologised, angry, apologised, angry),
            (apologised, angry, apologised, angry),
        ),
        _FOREVER,
    )


def zd_extort(factor: float = 2.0, phi: float = 1 / 9, payoffs: tuple[float, ...] = (3, 0, 5, 1)) -> Machine:
    """Enforce (own - P) = ``factor`` * (other - P) in the long run (Press and Dyson 2012; Extort-2 by default).

    Args:
        factor: Extortion factor chi, >= 1; the default is that of Extort-2 (Stewart and Plotkin 2012).
        phi: Scale of the reactions, > 0; the default is that of Extort-2. Values above a bound that depends on payoffs
            and factor give no probabilities.
        payoffs: Reward, sucker, temptation and punishment (R, S, T, P) of the game for which the line is enforced.
            Default: (3, 0, 5, 1).

    Raises:
        ConfigurationError: If the arguments give no probabilities.
    """
    return _linear("zd-extort", payoffs[3], 1 / factor, phi, payoffs)


def zd_generous(factor: float = 2.0, phi: float = 1 / 4, payoffs: tuple[float, ...] = (3, 0, 5, 1)) -> Machine:
    """Enforce (R - own) = ``factor`` * (R - other) in the long run (Stewart and Plotkin 2013; ZDGTFT-2 by default).

    Args:
        factor: Generosity factor chi, >= 1; the default is that of ZDGTFT-2.
        phi: Scale of the reactions, > 0; see :func:`zd_extort`.
        payoffs: Reward, sucker, temptation and punishment (R, S, T, P) of the game for which the line is enforced.
            Default: (3, 0, 5, 1).

    Raises:
        ConfigurationError: If the arguments give no probabilities.
    """
    return _linear("zd-generous", payoffs[0], 1 / factor, phi, payoffs)


def memory_one_strategy(cc: float, cd: float, dc: float, dd: float, first: float = 1.0) -> Machine:
    """Cooperate with the given probability after each of the four outcomes, own move first.

    Args:
        cc: Probability after both cooperated.
        cd: Probability after the player cooperated and the other defected.
        dc: Probability after the player defected and the other cooperated.
        dd: Probability after both defected.
        first: Probability in the first round. Default: 1.
    """
    return memory_one("memory-one", (cc, cd, dc, dd), first)


def random_strategy(cooperate: float = 0.5) -> Machine:
    """Cooperate with a fixed probability."""
    return Machine("random", (float(cooperate),), ((0, 0, 0, 0),), 0)


def _linear(name: str, baseline: float, slope: float, phi: float, payoffs: tuple[float, ...]) -> Machine:
    """Zero-determinant strategy enforcing slope (own - l) = other - l (Hilbe, Nowak and Sigmund 2013, eq. 14)."""
    if len(payoffs) != 4:
        raise ConfigurationError(f"{name}: payoffs are (reward, sucker, temptation, punishment), got {payoffs!r}")
    r, s, t, p = payoffs
    vector = (
        1 - phi * (1 - slope) * (r - baseline),
        1 - phi * (slope * (baseline - s) + (t - baseline)),
        phi * ((baseline - s) + slope * (t - baseline)),
        phi * (1 - slope) * (baseline - p),
    )
    if any(not -1e-12 <= q <= 1 + 1e-12 for q in vector):
        raise ConfigurationError(f"{name}: phi={phi:g} with payoffs {payoffs!r} gives no probabilities; lower phi")
    return memory_one(name, [min(max(q, 0.0), 1.0) for q in vector])
