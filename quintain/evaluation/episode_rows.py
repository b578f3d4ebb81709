"""A record as one row of a table."""

from __future__ import annotations

from quintain.evaluation.results import cut_off
from quintain.evaluation.tabular import Row, flat
from quintain.records import EpisodeRecord

__all__ = ["episode_row"]

#: Keys of ``info`` that have a column of their own.
_NAMED = ("task_id", "task", "answer", "expected")


def episode_row(episode: EpisodeRecord) -> Row:
    """Return the fields of a record as columns, without transcripts and calls.

    Reward terms, metrics and the plain values of ``info`` have columns ``reward_terms.NAME``, ``metrics.NAME`` and
    ``info.NAME``; in games, returns have ``returns.SEAT``. ``success`` is ``None`` where nothing was judged.
    """
    info, error = episode.info, episode.error
    judged = episode.outcome not in ("error", "finished")
    row: Row = {
        "index": episode.index,
        "item": episode.item,
        "repeat": episode.repeat,
        "seed": episode.seed,
        **{name: _text(info[name]) for name in _NAMED if name in info},
        "outcome": episode.outcome,
        "success": episode.outcome == "success" if judged else None,
        "reward": None if error else episode.reward,
        "steps": len(episode.steps),
        "truncated": episode.truncated,
        "prompt_tokens": episode.prompt_tokens,
        "completion_tokens": episode.completion_tokens,
        "reasoning_tokens": episode.reasoning_tokens,
        "replies_cut_off": cut_off(episode),
        "wall_s": episode.wall_s,
        "model_s": episode.model_s,
    }
    if set(episode.returns) - {"agent"}:
        row |= flat("returns", episode.returns)
    row |= flat("reward_terms", episode.reward_terms) | flat("metrics", info.get("metrics") or {})
    row |= flat("info", {name: value for name, value in info.items() if name not in (*_NAMED, "success")})
    if error is not None:
        row |= {"error": error["message"], "error_boundary": error["boundary"], "error_type": error["type"]}
    return row


def _text(value: object) -> object:
    return value if isinstance(value, str | int | float | None) else str(value)
