"""Agents that ask a language model, and the engines that serve one."""

from quintain.agents.llm.engine import Engine, Exchange, Reply, Request, Tape, record_exchanges
from quintain.agents.llm.engines import engine_names, make_engine
from quintain.agents.llm.replay import ReplayEngine
from quintain.agents.llm.scripted import ScriptedEngine

__all__ = [
    "Engine",
    "Exchange",
    "ReplayEngine",
    "Reply",
    "Request",
    "ScriptedEngine",
    "Tape",
    "engine_names",
    "make_engine",
    "record_exchanges",
]
