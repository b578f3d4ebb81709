"""``write_comparison``: a page that shows two runs side by side, pair by pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quintain.errors import require
from quintain.evaluation.compare import Comparison
from quintain.evaluation.html.chunks import Chunks
from quintain.evaluation.html.frame import fill, markup
from quintain.evaluation.html.page import MAX_TASKS
from quintain.evaluation.html.provenance import provenance
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.html.transcripts import preamble
from quintain.evaluation.report import Report
from quintain.evaluation.summary import compared_rows
from quintain.files import write_atomically
from quintain.records import EpisodeRecord

__all__ = ["write_comparison"]

_MEANINGS = {
    "A better": "only A succeeded; without success, A had the higher return",
    "B better": "only B succeeded; without success, B had the higher return",
    "tie": "both succeeded, or neither; without success, equal returns",
    "left out": "an error in one of them or both",
}


def write_comparison(found: Comparison, first: Report, second: Report, path: str | Path) -> Path:
    """Write a page with the comparison of two runs and the transcripts of every pair side by side.

    Args:
        found: The comparison of the two runs, from :func:`quintain.compare`.
        first: Results of the run shown as A.
        second: Results of the run shown as B.
        path: The file. Transcripts beyond 4 MB are kept in a folder beside it, as by
            :func:`~quintain.evaluation.html.write_report`.

    Returns:
        Path of the page.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
        ConfigurationError: If the episodes of the runs cannot be paired.
    """
    require("jinja2", "report", "pages")
    target = Path(path)
    texts = first.manifest.get("texts", {}) | second.manifest.get("texts", {})  # by their hash
    chunks = Chunks(target, preamble(first), texts)
    counts: Counter[str] = Counter()
    tasks: set[str] = set()
    terms: dict[str, None] = {}
    for a, b in _pairs(first, second):
        verdict = _verdict(a, b)
        counts[verdict] += 1
        tasks.add(a.task)
        terms |= dict.fromkeys(a.reward_terms)
        ahead = None if verdict == "left out" else a.reward - b.reward
        chunks.add_pair(a.index, (a, b), pair=verdict, ahead=ahead)
    index, transcripts = chunks.finish()
    page = fill(
        "comparison.html",
        script="report.js",
        loads=not transcripts,
        found=found,
        confidence=found.reward.confidence,
        rows=compared_rows(found, first, second),
        sides=[_side(first), _side(second)],
        reproduce=[reproduce(report.manifest, len(report.episodes)) for report in (first, second)],
        paired=True,
        tasks=[(task, None) for task in sorted(tasks - {""})[:MAX_TASKS]],
        terms=list(terms),
        outcomes=[(name, counts[name], meaning) for name, meaning in _MEANINGS.items() if counts[name]],
        index=markup(index),
        transcripts=[(number, markup(text)) for number, text in transcripts],
    )
    write_atomically(target, page)
    chunks.remove_stale()
    return target


def _pairs(first: Report, second: Report) -> Iterator[tuple[EpisodeRecord, EpisodeRecord]]:
    place = {(episode.seed, episode.repeat): k for k, episode in enumerate(second.outline.episodes)}
    keyed = (((episode.seed, episode.repeat), episode) for episode in first.episodes)
    return ((episode, second.episodes[place[key]]) for key, episode in keyed if key in place)


def _verdict(a: EpisodeRecord, b: EpisodeRecord) -> str:
    if "error" in (a.outcome, b.outcome):
        return "left out"
    judged = "finished" not in (a.outcome, b.outcome)
    one, two = (a.outcome == "success", b.outcome == "success") if judged else (a.reward, b.reward)
    return "tie" if one == two else "A better" if one > two else "B better"


def _side(report: Report) -> dict[str, Any]:
    facts = provenance(report)
    return {"env": facts.env, "name": facts.agent or "an agent", "folder": str(report.path or "")}
