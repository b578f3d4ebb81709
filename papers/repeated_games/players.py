"""The language-model players of the study: how each is asked, with which labels, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from quintain.agents.games import LLMPlayer
from quintain.engines.engine import Engine
from quintain.errors import CapabilityError

STYLES = ["base", "predict-first"]
LABEL_PAIRS = [("J", "F"), ("X", "Q"), ("R", "H")]
EXCHANGED = [(second, first) for first, second in LABEL_PAIRS]
CONDITIONS = {**dict.fromkeys(STYLES, LABEL_PAIRS), "exchanged": EXCHANGED}  # exchanged: asked as the base
ORDERS = ["first", "last"]


def asked_players(engine: Engine, constrained: bool) -> dict[str, LLMPlayer]:
    """The players of the main conditions; the debiased one needs probabilities of labels."""
    players = {
        name(style, labels, order): LLMPlayer(
            engine, labels=labels, order=order, predict_first=style == "predict-first", constrained=constrained
        )
        for style, pairs in CONDITIONS.items()
        for labels in pairs
        for order in ORDERS
    }
    return players | ({"debiased": LLMPlayer(engine, debias="labels")} if constrained else {})


def name(style: str, labels: Sequence[str], order: str) -> str:
    return f"{style} {'/'.join(labels)} {order}"


def conditions(pair: tuple[str, str]) -> list[str]:
    """The players asked directly who share a pair of labels."""
    return [name(style, labels, o) for style, labels in (("base", pair), ("exchanged", pair[::-1])) for o in ORDERS]


def crossed(engine: Engine, pair: tuple[str, str], constrained: bool) -> dict[str, LLMPlayer]:
    """Players who differ in what the labels stand for, and in what question and rules name first."""
    return {
        f"{'/'.join(labels)} {order}{' backwards' * backwards}": LLMPlayer(
            engine, labels=labels, order=order, backwards=backwards, constrained=constrained
        )
        for labels in (pair, pair[::-1])
        for order in ORDERS
        for backwards in (False, True)
    }


def tells_probabilities(engine: Engine) -> bool:
    """Whether a choice among labels can be read from probabilities; if not, say what is left out, and why."""
    try:
        asyncio.run(LLMPlayer(engine, debias="labels").check())
    except CapabilityError as error:
        print(f"The players write freely, and the debiased one is left out: {error}")
        return False
    return True
