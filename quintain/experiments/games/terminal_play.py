"""A person plays matches of a repeated game at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quintain.experiments.games.person import PersonMatch, Study

__all__ = ["play_at_terminal"]

_YES, _NO = ("y", "yes"), ("n", "no")


def play_at_terminal(
    study: Study,
    *,
    participant: str = "",
    read: Callable[[str], str] = input,
    write: Callable[[str], Any] = print,
) -> int:
    """Show the consent text if there is one, and play matches until the person has had enough.

    Args:
        study: Opponent, settings, and the file of the records.
        participant: Anonymous id of the person; empty draws one. Default: empty.
        read: Function that shows a prompt and returns one line. Default: ``input``.
        write: Function that shows a text. Default: ``print``.

    Returns:
        Number of finished matches.

    Raises:
        EOFError: If the input ends. Finished matches are stored.
    """
    if study.consent:
        write(f"{study.consent.rstrip()}\n")
        if _ask(read, write, "Do you agree? [yes/no]> ", (*_YES, *_NO)) in _NO:
            write("Nothing was recorded.")
            return 0
    finished = 0
    while True:
        match = study.start(participant, agrees=True, interface="terminal")
        participant = match.participant
        _play(match, read, write)
        score = match.state()["score"]
        guess = _ask(read, write, f"You earned {score:g}. Who was the other player? [human/machine]> ", _GUESSES)
        study.finish(match, _GUESSES[guess])
        finished += 1
        write(f"Thank you. It was {study.opponent_is}.")
        if _ask(read, write, "Play again? [y/n]> ", (*_YES, *_NO)) in _NO:
            return finished


_GUESSES = {"human": "human", "h": "human", "machine": "machine", "m": "machine"}


def _play(match: PersonMatch, read: Callable[[str], str], write: Callable[[str], Any]) -> None:
    state = match.state()
    write(f"\n{state['rules']}\n\n{_matrix(state)}\n")
    choices = {str(place): option for place, option in enumerate(state["order"], start=1)}
    choices |= {state["options"][option].lower(): option for option in state["order"]}
    listed = "   ".join(f"{place} {state['options'][option]}" for place, option in enumerate(state["order"], start=1))
    while not state["over"]:
        of = f" of {state['rounds']}" if state["rounds"] else ""
        write(f"Round {state['round']}{of}   {_score(state)}\n  {listed}")
        match.shown()
        choice = _ask(read, write, f"choose [1-{len(state['order'])}]> ", choices)
        state = match.move(choices[choice])
        write(f"{state['history'][-1]}\n")
    write(f"The match is over.   {_score(state)}")


def _score(state: dict[str, Any]) -> str:
    other = "" if state["other_score"] is None else f", the other player {state['other_score']:g}"
    return f"you {state['score']:g}{other}"


def _matrix(state: dict[str, Any]) -> str:
    """Return the payoff matrix, options in the order of the choices."""
    names = [state["options"][k] for k in state["order"]]
    cells = [[f"{own:g}, {other:g}" for own, other in state["payoffs"][k]] for k in state["order"]]
    first = max(map(len, names))
    widths = [max(len(name), *(len(row[j]) for row in cells)) for j, name in enumerate(state["others"])]
    lines = [f"Your {state['unit']} first, then those of the other player, whose option is above:"]
    lines.append(" " * (first + 2) + "".join(f"  {n:>{w}}" for n, w in zip(state["others"], widths, strict=True)))
    for name, row in zip(names, cells, strict=True):
        lines.append(f"  {name:<{first}}" + "".join(f"  {c:>{w}}" for c, w in zip(row, widths, strict=True)))
    return "\n".join(lines)


def _ask(read: Callable[[str], str], write: Callable[[str], Any], prompt: str, known: Any) -> str:
    while True:
        reply = read(prompt).strip().lower()
        if reply in known:
            return reply
        write(f"please enter one of: {', '.join(known)}; not {reply!r}")
