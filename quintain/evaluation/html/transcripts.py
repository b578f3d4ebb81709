"""Episodes as JSON for the page, with limits on the size of a text, an array and an episode."""

from __future__ import annotations

import math
import os.path
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from quintain.evaluation.html.model_calls import MAX_TEXT, bounded, model_calls
from quintain.evaluation.report import Report
from quintain.evaluation.requests import decisions_of
from quintain.json_text import to_json
from quintain.records import EpisodeRecord

__all__ = ["embed", "episode_data", "episode_json", "escaped", "index_data", "preamble"]

#: Maximum number of steps of an episode that is shown in full; of longer ones, beginning and end are shown.
_MAX_STEPS = 400
#: Maximum size of an array that is shown in full, in elements.
_MAX_ARRAY = 32
#: Length of the snippets in the list of episodes, in characters.
_SNIPPET = 160
_VERDICT, _FLAGS = ("answer", "expected", "detail"), ("parse_error", "invalid_action")
#: Keys of ``info`` that the page shows under headings of their own.
_SHOWN_ELSEWHERE = frozenset({"task", "task_id", "success", "metrics", *_VERDICT, *_FLAGS})
# Keys of a step that may be copied from the record's line.
_COPIED = frozenset({"observation", "action", "reward", "seat"})
# Where the steps begin and end in the line of a record.
_STEPS = re.compile(rb'\{"index":\d+,"seed":\d+,"outcome":"\w+","returns":\{[^{}]*\},"steps":\[')
_AFTER_STEPS = b'],"final_observation":'


def embed(data: Any) -> str:
    r"""Dump as ASCII JSON for a ``<script>`` element: without ``<``, ``>`` and ``&``.

    Example:
        >>> embed("</script>")
        '"\\u003c/script\\u003e"'
    """
    return escaped(to_json(data))


def escaped(json_text: str) -> str:
    """Write JSON for a ``<script>`` element: without ``<``, ``>`` and ``&``."""
    return json_text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def preamble(report: Report) -> str:
    """Return the paragraphs with which all first observations begin, such as rules, to be shown once.

    Of more than 1,000 episodes, 200 decide.
    """
    many = report.episodes
    sample = many if len(many) <= 1000 else [many[k * len(many) // 200] for k in range(200)]
    firsts = [e.steps[0]["observation"] for e in sample if e.steps and _is_text(e.steps[0])]
    if len(firsts) < 2:
        return ""
    shared = os.path.commonprefix([min(firsts), max(firsts)])  # noqa: RUF071 - texts, not paths
    end = shared.rfind("\n\n") + 2
    # If all first observations are equal as a whole, there is no preamble.
    return shared[:end] if end > 2 and all(len(first) > end for first in firsts) else ""


def index_data(episode: EpisodeRecord, preamble: str) -> dict[str, Any]:
    """Return an episode's row in the list of episodes."""
    snippet = ""
    if episode.steps:
        first = episode.steps[0]
        if _is_text(first):
            snippet = first["observation"].removeprefix(preamble)[: 2 * _SNIPPET]
            snippet = " ".join(snippet.split())[:_SNIPPET]
    repeats = {} if episode.item in (None, episode.index) else {"item": episode.item, "repeat": episode.repeat}
    return {
        "i": episode.index,
        **repeats,
        "outcome": episode.outcome,
        "task": episode.task,
        "reward": _short(episode.reward) if episode.error is None else None,  # an error is never a score
        "steps": len(episode.steps),
        "tokens": episode.completion_tokens,
        "terms": _numbers(episode.reward_terms) if episode.error is None else {},
        "snippet": snippet,
        "why": _why(episode)[:_SNIPPET],
    }


def episode_json(episode: EpisodeRecord, line: bytes = b"") -> str:
    """Return :func:`episode_data` as ASCII JSON.

    Args:
        episode: Record of the episode.
        line: The record's line in its file, if there is one. Steps that are shown as they are stored are copied from
            it, which takes a fraction of the time of encoding them again.
    """
    stored = _stored_steps(episode, line) if line else None
    if stored is None:
        return to_json(episode_data(episode))
    text = to_json(_results(episode, range(len(episode.steps))))
    return f'{text[:-1]},"steps":[{stored}]}}'


def episode_data(episode: EpisodeRecord) -> dict[str, Any]:
    """Return an episode's transcript and results."""
    steps, left_out = episode.steps, max(0, len(episode.steps) - _MAX_STEPS)
    head = _MAX_STEPS * 3 // 4
    shown = [*range(head), *range(head + left_out, len(steps))] if left_out else range(len(steps))
    data = _results(episode, shown) | {"steps": [_step(steps[k]) for k in shown]}
    return data | {"left_out": left_out, "left_out_at": head} if left_out else data


def _results(episode: EpisodeRecord, shown: Sequence[int]) -> dict[str, Any]:
    """Return all that the page shows of an episode but its steps, of which it shows those with the given numbers."""
    info = episode.info
    data = {
        "i": episode.index,
        "seed": str(episode.seed),  # may exceed the integers of JavaScript
        "outcome": episode.outcome,
        "task_id": str(info.get("task_id", "")),
        "returns": _numbers(episode.returns) if episode.error is None else {},
        "terms": _numbers(episode.reward_terms),
        "metrics": _numbers(_mapping(info.get("metrics"))),
        "verdict": _verdict(info),
        "info": {str(key): _shown(value) for key, value in info.items() if key not in _SHOWN_ELSEWHERE},
        **model_calls(episode, shown),
        "tokens": [episode.prompt_tokens, episode.completion_tokens],
        "wall_s": round(episode.wall_s, 3),
        **({} if episode.model_s is None else {"model_s": round(episode.model_s, 3)}),
    }
    if episode.decisions:
        data["decisions"] = [_decision(decision) for decision in decisions_of(episode)]
    if flags := {key: _shown(info[key]) for key in _FLAGS if info.get(key)}:
        data["flags"] = flags
    if episode.error is not None:
        data["error"] = episode.error
    return data


def _decision(decision: Mapping[str, Any]) -> dict[str, Any]:
    """Describe how an action was chosen; texts are bounded."""
    data = dict(decision)
    data["candidates"] = [c | {"text": bounded(str(c.get("text", "")))} for c in decision.get("candidates", ())]
    if "feedback" in decision:
        data["feedback"] = [bounded(str(text)) for text in decision["feedback"]]
    if "history" in decision:
        data["history"] = [_decision(earlier) for earlier in decision["history"]]
    return data


def _stored_steps(episode: EpisodeRecord, line: bytes) -> str | None:
    """Return the JSON of an episode's steps from its line; ``None`` if the page does not show them as they are stored.

    Such steps are texts within all limits, so that no list ends within them: the first one to end is that of the steps.
    """
    if len(line) > MAX_TEXT or len(episode.steps) > _MAX_STEPS or not line.isascii():
        return None
    for step in episode.steps:
        if type(step["observation"]) is not str or type(step["action"]) is not str or not step.keys() <= _COPIED:
            return None
        if _short(step["reward"]) != step["reward"]:
            return None
    start = _STEPS.match(line)
    end = line.find(_AFTER_STEPS, start.end()) if start else -1
    return line[start.end() : end].decode("ascii") if start and end >= 0 else None


def _why(episode: EpisodeRecord) -> str:
    """Say why an episode has its outcome: the error, or the answer beside the expected one, or the detail."""
    if episode.error is not None:
        return bounded(str(episode.error.get("message") or ""))
    answer, expected = episode.info.get("answer"), episode.info.get("expected")
    if answer and expected:
        return f"answered {_short_text(answer)}, expected {_short_text(expected)}"
    return bounded(str(episode.info.get("detail") or ""))


def _verdict(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return answer, expected answer and detail; not a detail that only repeats the expected answer."""
    found = {key: info[key] for key in _VERDICT if info.get(key)}
    if "expected" in found and str(found.get("detail")) in (f"the answer is {found['expected']}", found["expected"]):
        del found["detail"]
    return {key: _shown(value) for key, value in found.items()}


def _short_text(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    data = {
        "observation": _shown(step.get("observation")),
        "action": _shown(step.get("action")),
        "reward": _short(step.get("reward", 0.0)),
    }
    if "seat" in step:
        data["seat"] = str(step["seat"])
    if "attack" in step:
        data["attack"] = _shown(step["attack"])
    return data


def _shown(value: Any) -> Any:
    """Shorten long texts, round numbers, and summarise large arrays."""
    if type(value) is str and len(value) <= MAX_TEXT:
        return value
    if isinstance(value, str):
        return bounded(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return _shown(value.tolist())
    if isinstance(value, Mapping):
        return {str(k): _shown(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        shape = _shape(value)
        size = math.prod(shape)
        if size > _MAX_ARRAY and shape and _is_numeric(value):
            flat = _flat(value)
            shown = ", ".join(f"{v:.4g}" for v in flat[:6])
            return f"array of shape {'x'.join(map(str, shape))}, from {min(flat):.4g} to {max(flat):.4g}: {shown}, ..."
        return [_shown(v) for v in value[: 10 * _MAX_ARRAY]]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _short(value)


def _short(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return value if value.is_integer() and -100_000 < value < 100_000 else _rounded(value)
    return _rounded(float(value)) if isinstance(value, (float, np.floating)) else value


@lru_cache(maxsize=10_000)  # a run has few different rewards and metrics
def _rounded(value: float) -> float:
    return float(f"{value:.5g}") if math.isfinite(value) else value


def _numbers(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value if type(value) is int else _short(value) for name, value in values.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_text(step: Mapping[str, Any]) -> bool:
    return isinstance(step.get("observation"), str)


def _shape(value: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(value, (list, tuple)):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _is_numeric(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_numeric(v) for v in value)
    return isinstance(value, (int, float))


def _flat(value: Sequence[Any]) -> list[float]:
    return [x for v in value for x in (_flat(v) if isinstance(v, (list, tuple)) else [float(v)])]
