"""Sample candidates: many replies at once, each read and completed as a chat agent reads and completes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from quintain.agents.language.completion import Completion, reply_stops
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.turn import Turn
from quintain.engines.engine import Reply, Request
from quintain.engines.token_statistics import TokenStatistics
from quintain.messages import Message

__all__ = ["sample"]


@dataclass(slots=True)
class _Sample:
    messages: Sequence[Message]
    completion: Completion
    parts: list[Reply] = field(default_factory=list)
    extracted: list[Reply] = field(default_factory=list)

    def add(self, part: Reply) -> None:
        (self.extracted if self.completion.extracts else self.parts).append(part)
        self.completion.add(part)


async def sample(
    turn: Turn,
    n: int = 1,
    conversations: Sequence[Sequence[Message]] | None = None,
    *,
    logprobs: bool = False,
    statistics: bool = False,
) -> list[list[Candidate]]:
    """Sample ``n`` candidates to each of several conversations, within the budget, all in one batch where that fits.

    Args:
        turn: The decision, with its model, messages and budget.
        n: Number of candidates to each conversation, >= 1. Default: 1.
        conversations: The messages that they answer. Default: those of the decision.
        logprobs: Whether candidates carry the log-probability of each token. Default: false.
        statistics: Whether they carry statistics of its distribution. Default: false.

    Returns:
        For each conversation its candidates: ``n``, or fewer where the budget ends; the conversations share it evenly.
    """
    prompts = [turn.messages] if conversations is None else conversations
    found: list[list[_Sample]] = [[] for _ in prompts]
    while (wanted := n * len(prompts) - sum(map(len, found))) > 0:
        grant = turn.ledger.grant(wanted, turn.settings.sampling.max_tokens)
        if not grant.replies:
            break
        counts = _shares(grant.replies, [len(each) for each in found], n)
        new = [
            [_Sample(messages, Completion(turn.settings, turn.reader.read, _stops(turn))) for _ in range(count)]
            for messages, count in zip(prompts, counts, strict=True)
        ]
        groups = [group for group in new if group]
        requests = [
            _request(turn, group[0], len(group), grant.max_tokens, logprobs, statistics, seed=turn.seed())
            for group in groups
        ]
        for group, replies in zip(groups, await turn.engine.generate(requests), strict=True):
            turn.ledger.charge(replies)
            for one, reply in zip(group, replies, strict=True):
                one.add(reply)
        await _complete(turn, [one for group in new for one in group], logprobs, statistics)
        for each, group in zip(found, new, strict=True):
            each.extend(group)
    return [[_candidate(turn, one) for one in each] for each in found]


def _stops(turn: Turn) -> tuple[str, ...]:
    return reply_stops(turn.engine.capabilities)


def _shares(replies: int, got: Sequence[int], n: int) -> list[int]:
    """Divide ``replies`` among conversations, so that those with the fewest candidates come first."""
    counts = [0] * len(got)
    for _ in range(replies):
        open_ = [k for k in range(len(got)) if got[k] + counts[k] < n]
        counts[min(open_, key=lambda k: got[k] + counts[k])] += 1
    return counts


async def _complete(turn: Turn, samples: Sequence[_Sample], logprobs: bool, statistics: bool) -> None:
    """Continue the replies that stopped within their text, and extract the answers of those without one."""
    while unfinished := [one for one in samples if not one.completion.finished]:
        requests, served = [], []
        for one in unfinished:
            share = turn.ledger.share(one.completion.ask.max_tokens, len(unfinished))
            if not share:
                one.completion.give_up()
                continue
            requests.append(_request(turn, one, 1, share, logprobs, statistics, seed=turn.seed()))
            served.append(one)
        for one, replies in zip(served, await turn.engine.generate(requests), strict=True):
            turn.ledger.charge(replies, continued=True)
            one.add(replies[0])


def _request(
    turn: Turn, one: _Sample, n: int, max_tokens: int, logprobs: bool, statistics: bool, *, seed: int
) -> Request:
    sampling, ask = turn.settings.sampling, one.completion.ask
    measured = not one.completion.extracts
    return Request(
        messages=tuple(one.messages),
        n=n,
        max_tokens=min(ask.max_tokens, max_tokens),
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        stop=ask.stop,
        seed=seed,
        prefill=ask.prefill,
        logprobs=logprobs and measured,
        token_statistics=statistics and measured,
        contrast_layers=turn.contrast_layers,
    )


def _candidate(turn: Turn, one: _Sample) -> Candidate:
    text = one.completion.text
    described = [part.token_statistics for part in one.parts if part.token_statistics is not None]
    return Candidate(
        text=text,
        answer=turn.read(text),
        tokens=sum(part.completion_tokens for part in (*one.parts, *one.extracted)),
        logprobs=tuple(value for part in one.parts for value in part.logprobs or ()),
        statistics=TokenStatistics.joined(described) if described else None,
    )
