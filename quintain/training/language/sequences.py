"""Token sequences of recorded episodes: exactly what a model read and wrote, and which turn each token belongs to.

A record that was played with ``tokens`` (:class:`~quintain.evaluation.job.Job`) holds, for each request, the token ids
of its prompt, as the model read them, and those of the reply, as the model sampled them. Nothing is tokenised again:
re-encoding the text of a reply may give other tokens than those that were sampled, and a gradient on tokens that the
policy never chose. Where the prompt of a request begins with all that the sequence holds so far, the episode goes on in
the same sequence, with the chat template's separators and the environment's text as tokens that are not trained on.
Where it does not (a history that was cut, a reply whose text is encoded differently), a new sequence begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quintain.errors import ConfigurationError
from quintain.records import EpisodeRecord

__all__ = ["NOT_WRITTEN", "Call", "TokenSequence", "calls_of", "join_calls", "sequences_of", "turn_rewards"]

#: Turn of the tokens that the policy did not write.
NOT_WRITTEN = -1


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """Consecutive tokens of one seat of one episode. The three tuples have the same length.

    Attributes:
        token_ids: Ids of the tokens.
        turns: For each token the turn in which the policy wrote it, from 0; :data:`NOT_WRITTEN` for tokens of prompts,
            chat template and environment, which are not trained on.
        logprobs: Log-probability of each token that the policy wrote, under the policy that sampled it and before
            temperature and top-p; 0 for the others.
    """

    token_ids: tuple[int, ...]
    turns: tuple[int, ...]
    logprobs: tuple[float, ...]

    @property
    def prompt_length(self) -> int:
        """Number of tokens before the first one that the policy wrote."""
        return next((at for at, turn in enumerate(self.turns) if turn != NOT_WRITTEN), len(self.turns))

    @property
    def written(self) -> int:
        """Number of tokens that the policy wrote."""
        return sum(turn != NOT_WRITTEN for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Call:
    """One reply of a policy.

    Attributes:
        turn: Turn in which it was requested, from 0.
        prompt: Token ids of the prompt.
        reply: Token ids of the reply, an end token included.
        logprobs: Log-probability of each token of the reply.
    """

    turn: int
    prompt: Sequence[int]
    reply: Sequence[int]
    logprobs: Sequence[float]


def calls_of(record: EpisodeRecord, seat: str = "agent") -> list[Call]:
    """Return the replies that one seat's policy wrote in an episode, in order.

    Args:
        record: A record that was played with ``tokens``.
        seat: Name of the seat. Default: ``"agent"``, the only one outside games.

    Raises:
        ConfigurationError: If the record holds no tokens, or replies that were drawn from fixed choices, whose
            probabilities are not those of their tokens.
    """
    calls: list[Call] = []
    for call in record.calls:
        if call.get("seat", seat) != seat:
            continue
        for reply in call["replies"]:
            if reply.get("prompt_token_ids") is None or reply.get("logprobs") is None:
                raise ConfigurationError(
                    f"episode {record.index} was recorded without tokens, so there is nothing to train on; play it "
                    "with an engine that can train, such as transformers"
                )
            if reply.get("finish_reason") == "choice":
                raise ConfigurationError(
                    "the agent chooses among fixed replies, which are not sampled token by token; train an agent that "
                    "writes its action, such as chat"
                )
            turn = _turn(record, call["step"], seat)
            calls.append(Call(turn, reply["prompt_token_ids"], reply["token_ids"], reply["logprobs"]))
    return calls


def _turn(record: EpisodeRecord, step: int, seat: str) -> int:
    """Return how often the seat had acted after ``step`` actions of all seats."""
    return sum(taken.get("seat", "agent") == seat for taken in record.steps[:step])


def join_calls(calls: Iterable[Call]) -> list[TokenSequence]:
    """Join replies into sequences: a reply goes on with the last sequence if its prompt begins with all of it.

    Example:
        >>> joined = join_calls([Call(0, [1, 2], [3], [-0.5]), Call(1, [1, 2, 3, 4], [5, 6], [-1.0, -2.0])])
        >>> joined[0].token_ids, joined[0].turns
        ((1, 2, 3, 4, 5, 6), (-1, -1, 0, -1, 1, 1))
    """
    sequences: list[tuple[list[int], list[int], list[float]]] = []
    for call in calls:
        prompt = list(call.prompt)
        if not sequences or prompt[: len(sequences[-1][0])] != sequences[-1][0]:
            sequences.append(([], [], []))
        ids, turns, logprobs = sequences[-1]
        between, reply = prompt[len(ids) :], list(call.reply)
        ids += between + reply
        turns += [NOT_WRITTEN] * len(between) + [call.turn] * len(reply)
        logprobs += [0.0] * len(between) + list(call.logprobs)
    return [TokenSequence(tuple(ids), tuple(turns), tuple(logprobs)) for ids, turns, logprobs in sequences]


def sequences_of(record: EpisodeRecord, seat: str = "agent") -> list[TokenSequence]:
    """Return the token sequences of one seat of an episode; none if its policy wrote nothing.

    Raises:
        ConfigurationError: As :func:`calls_of`.
    """
    return join_calls(calls_of(record, seat))


def turn_rewards(record: EpisodeRecord, seat: str = "agent") -> list[float]:
    """Return the reward of each turn of a seat, in order.

    Where the environment rewards a seat apart from its actions, or an episode was cut in the middle of a turn, the
    rewards add up to less than the episode's return: the rest belongs to no turn.
    """
    return [float(step["reward"]) for step in record.steps if step.get("seat", "agent") == seat]
