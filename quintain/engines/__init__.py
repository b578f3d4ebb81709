"""Language models behind one contract: requests in, replies out."""

from quintain.engines.cached import CachedEngine
from quintain.engines.engine import Engine, Exchange, ExchangeLog, Reply, Request, record_exchanges
from quintain.engines.head_masks import HeadMask
from quintain.engines.registry import ENGINES, EngineFacts, engine_names, make_engine
from quintain.engines.replay import ReplayEngine
from quintain.engines.scripted import ScriptedEngine
from quintain.engines.text_scores import TextScore, perplexity
from quintain.engines.token_statistics import TokenStatistics
from quintain.engines.tool_calls import ToolCall

__all__ = [
    "ENGINES",
    "CachedEngine",
    "Engine",
    "EngineFacts",
    "Exchange",
    "ExchangeLog",
    "HeadMask",
    "ReplayEngine",
    "Reply",
    "Request",
    "ScriptedEngine",
    "TextScore",
    "TokenStatistics",
    "ToolCall",
    "engine_names",
    "make_engine",
    "perplexity",
    "record_exchanges",
]
