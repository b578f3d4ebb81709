"""What an environment may offer beyond Gymnasium's contract: facts, solutions, items, steps that wait, branches.

Each protocol is optional. Runners look it up with ``isinstance`` on ``env.unwrapped``, so that wrappers need not pass
it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

__all__ = [
    "BlockingEnv",
    "BranchingEnv",
    "DescribedEnv",
    "FiniteEnv",
    "ReadsAnswers",
    "ReadsReasoning",
    "ReadsReplies",
    "SimulatedEnv",
    "SolvableEnv",
    "SolvableGame",
]


@runtime_checkable
class DescribedEnv(Protocol):
    """An environment with facts that its constructor arguments do not show, such as the protections of its sandbox."""

    def describe(self) -> Mapping[str, Any]:
        """Return JSON-able facts, which a run stores in its manifest.

        ``"report_by"``, if there, is a list of keys of ``info`` by which reports group the results.
        """
        ...


@runtime_checkable
class SolvableEnv(Protocol):
    """An environment that knows a right action, for oracles and for checks of its own verifier."""

    def solution(self) -> Any:
        """Return a right action for the present state, a member of the action space."""
        ...


@runtime_checkable
class SolvableGame(Protocol):
    """A game that knows a right action of each seat, for oracles."""

    def solution_of(self, seat: str) -> Any:
        """Return a right action of a seat for the present state, a member of its action space."""
        ...


@runtime_checkable
class BlockingEnv(Protocol):
    """An environment of which some steps wait for something outside this thread, such as a sandbox."""

    def step_blocks(self, action: Any) -> bool:
        """Return whether ``step(action)`` would wait; a runner then calls ``step`` in a worker thread.

        Args:
            action: What ``step`` will be given; not necessarily a member of the action space.
        """
        ...


@runtime_checkable
class FiniteEnv(Protocol):
    """An environment with a finite set of items, such as the questions of a data set.

    Episode ``i`` of a run poses item ``i`` modulo ``item_count``, through ``reset(options={"item": ...})``, and a run
    has by default as many episodes as there are items, so that it poses each of them once.

    Attributes:
        item_count: Number of items, >= 1; ``None`` if this environment has no finite set of them.
    """

    @property
    def item_count(self) -> int | None:
        """Number of items, >= 1; ``None`` if this environment has no finite set of them."""
        ...


@runtime_checkable
class ReadsReplies(Protocol):
    """An environment that reads its actions as replies of a language model; see :mod:`quintain.replies`.

    Attributes:
        runs_code: Whether it runs the Python blocks of a reply; agents that cut replies read them likewise.
    """

    runs_code: bool


@runtime_checkable
class ReadsAnswers(Protocol):
    """An environment that reads an answer from a reply, so that agents can count how many replies agree."""

    def read_answer(self, reply: str) -> str | None:
        """Return the answer that a reply to the present observation gives; ``None`` if it gives none.

        Two replies with equal answers in different notation have equal results. The result does not depend on the right
        answer.
        """
        ...


@runtime_checkable
class ReadsReasoning(Protocol):
    """An environment that reads the reasoning of a reply, too, which agents leave out elsewhere.

    Attributes:
        reads_reasoning: Whether it does; agents then return replies whole, with reasoning between ``<think>`` and
            ``</think>``.
    """

    reads_reasoning: bool


@runtime_checkable
class BranchingEnv(Protocol):
    """An environment that can return to an earlier state, as tree search over its states needs.

    :func:`quintain.check` verifies that a restored episode goes on as the original did, for equal actions and also
    where other episodes were played in between.
    """

    def snapshot(self) -> Any:
        """Return the state of the episode, its generator included; later steps do not change what was returned.

        Raises:
            ResetNeeded: If there was no reset.
        """
        ...

    def restore(self, snapshot: Any) -> None:
        """Return to a state of this environment. A state can be restored any number of times."""
        ...


@runtime_checkable
class SimulatedEnv(Protocol):
    """An environment that lets an agent try actions on a copy of the episode.

    A run offers it to agents that declare ``uses_simulator = True``, as
    :attr:`Seat.simulator <quintain.agents.agent.Seat.simulator>`.
    """

    def simulator(self) -> Any:
        """Return an independent copy of the episode in its present state.

        It is a :class:`~quintain.agents.agent.Simulator`: it gives the observations that the
        environment gives, and never a reward or a verdict.
        """
        ...
