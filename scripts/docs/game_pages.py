"""What the source says about the named games, as Markdown: facts, payoffs, equilibria, players, baselines."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import game_pictures

if TYPE_CHECKING:
    from quintain.envs.games import NormalFormGame

__all__ = ["index", "links", "page", "render"]

#: Strategies that meet each other on the page of a game of two players with two options, and of one with more.
_TWO_OPTIONS = ("tit-for-tat", "win-stay-lose-shift", "always-defect", "random")
_MORE_OPTIONS = ("fictitious-play", "regret-matching", "q-learning")
#: Rounds and repetitions of these matches.
_ROUNDS, _REPETITIONS = 50, 10


def page(env_id: str) -> str:
    """Return the name of a game's page in docs/environments."""
    return _name(env_id).replace("_", "-") + ".md"


def links() -> str:
    """List the ids of the named games, each with a link to its page."""
    from quintain.envs.games import GAME_IDS

    return ", ".join(f"[`{env_id}`]({page(env_id)})" for env_id in GAME_IDS)


def index() -> str:
    """Compare the named games in a table: what they are about, payoffs of the first player, equilibria."""
    from quintain.envs.games import GAME_IDS, GAMES, load_game
    from quintain.experiments.games import pure_nash

    lines = [
        "| game | what it is about | players | options | equilibria in pure strategies |",
        "| --- | --- | ---: | --- | --- |",
    ]
    for env_id, name in GAME_IDS.items():
        game = load_game(name)
        about = " ".join(inspect.cleandoc(GAMES.load(name).__doc__ or "").split("\n\n")[0].split()).rstrip(".")
        cells = "; ".join(_outcome(game, cell) for cell in pure_nash(game)) or "none"
        options = ", ".join(f"`{option}`" for option in game.options[0])
        lines.append(f"| [`{env_id}`]({page(env_id)}) | {about} | {game.players} | {options} | {cells} |")
    return "\n".join(lines)


def render(env_id: str, part: str = "") -> str:
    """Describe a named game.

    Args:
        env_id: Its id.
        part: ``"facts"`` for the table of facts; else payoffs, equilibria, agents and baselines.
    """
    from quintain.envs.games import load_game

    game = load_game(_name(env_id))
    if part == "facts":
        return "\n".join(_facts(env_id, game))
    sections = {
        "Payoffs": [*_payoffs(game), "", game_pictures.picture(game)],
        "Equilibria": _theory(game),
        "Agents": _agents(game),
        "Baselines": [*_scores(env_id, game), "", *_matches(game)],
    }
    return "\n".join(line for title, lines in sections.items() for line in (f"## {title}", "", *lines, ""))


def _name(env_id: str) -> str:
    from quintain.envs.games import GAME_IDS

    return GAME_IDS[env_id]


def _facts(env_id: str, game: NormalFormGame) -> Iterator[str]:
    import gymnasium as gym

    from quintain.envs.games import GAMES

    spec, made = gym.spec(env_id), gym.make(env_id)
    arguments = inspect.signature(GAMES.load(game.name)).parameters
    yield f'| One seat | `gym.make("{env_id}", opponent="{spec.kwargs["opponent"]}")`, with the default opponent |'
    yield "| --- | --- |"
    yield f'| All seats | `pettingzoo.make("parallel", "{env_id}")`, or `"aec"` |'
    yield f"| Players | {game.players} |"
    yield f"| Options | {', '.join(f'{k}: `{option}`' for k, option in enumerate(game.options[0]))} |"
    yield f"| Observation space | `{made.observation_space}` |"
    yield f"| Action space | `{made.action_space}` |"
    yield "| Reward | own payoff; an illegal move [makes the round void](repeated-game.md#reward) |"
    if arguments:
        given = ", ".join(f'"{name}": {value.default!r}' for name, value in arguments.items())
        yield f"| Arguments of the game | `game_args={{{given}}}` |"
    yield (
        "| Other arguments | those of [`RepeatedGame-v0`](repeated-game.md#arguments): `rounds=10`, `noise`, "
        "`continuation`, `history`, `view` ... |"
    )


def _outcome(game: NormalFormGame, cell: Sequence[int]) -> str:
    names = [game.options[seat][move] for seat, move in enumerate(cell)]
    return f"all `{names[0]}`" if len(names) > 2 and len(set(names)) == 1 else ", ".join(f"`{name}`" for name in names)


def _number(value: float) -> str:
    return f"{round(value, 3) + 0:g}"  # no -0


def _payoffs(game: NormalFormGame) -> Iterator[str]:
    """Yield the table of payoffs: of both players, or of one by the number of others who choose option 0."""
    rows, columns = game.options[:2]
    if game.players == 2:
        yield "Each cell holds the payoff of the row's player, then that of the column's."
        yield ""
        yield "| own move \\ the other's | " + " | ".join(f"`{column}`" for column in columns) + " |"
        yield "| --- |" + " :---: |" * len(columns)
        for i, row in enumerate(rows):
            cells = (f"{_number(game.payoffs[0][i, j])}, {_number(game.payoffs[1][i, j])}" for j in range(len(columns)))
            yield f"| `{row}` | " + " | ".join(cells) + " |"
        return
    others = game.players - 1
    yield f"The payoff by the number of the {others} others who choose `{rows[0]}`."
    yield ""
    yield f"| own move \\ others who `{rows[0]}` | " + " | ".join(map(str, range(others + 1))) + " |"
    yield "| --- |" + " :---: |" * (others + 1)
    for i, row in enumerate(rows):
        yield f"| `{row}` | " + " | ".join(map(_number, game_pictures.by_others(game, i))) + " |"


def _theory(game: NormalFormGame) -> Iterator[str]:
    from quintain.experiments.games import infinitely_many, minimax_value, nash_equilibria, pure_nash

    yield "| equilibrium of one round | payoffs |"
    yield "| --- | --- |"
    for cell in pure_nash(game):
        earned = [game.payoffs[seat][cell] for seat in range(game.players)]
        yield f"| {_outcome(game, cell)} | {', '.join(map(_number, earned))} |"
    profiles = nash_equilibria(game) if game.players == 2 else []
    for profile in profiles:
        if max(profile.first) < 1 or max(profile.second) < 1:
            mixes = [_mix(game.options[seat], mix) for seat, mix in enumerate((profile.first, profile.second))]
            alike = mixes[0] == mixes[1]
            shown = f"{mixes[0]}, both" if alike else f"player 0: {mixes[0]}; player 1: {mixes[1]}"
            yield f"| {shown} | {', '.join(map(_number, profile.payoffs(game)))} |"
    yield ""
    if infinitely_many(profiles):
        yield "There are infinitely many; these are the extreme ones."
        yield ""
    guaranteed = [_number(minimax_value(game, seat)[0]) for seat in range(game.players)]
    level = f"{guaranteed[0]} a round" if len(set(guaranteed)) == 1 else f"{' and '.join(guaranteed)} a round"
    best = max(product(*map(range, game.shape)), key=lambda cell: sum(game.payoffs[:, *cell]))
    total = sum(game.payoffs[:, *best])
    yield (
        f"Whatever the others do, a player can guarantee itself {level}. "
        + (
            "The payoffs of every outcome add up to the same sum."
            if _is_constant_sum(game)
            else f"The largest sum of payoffs is {_number(total)}, as with {_outcome(game, best)}."
        )
        + f" `quintain games solve {game.name}` shows more, such as the best correlated equilibrium."
    )


def _is_constant_sum(game: NormalFormGame) -> bool:
    totals = game.payoffs.sum(axis=0)
    return bool(totals.min() == totals.max())


def _mix(options: Sequence[str], probabilities: Any) -> str:
    return ", ".join(f"`{name}` {100 * p:.3g}%" for name, p in zip(options, probabilities, strict=True) if p > 0)


def _agents(game: NormalFormGame) -> Iterator[str]:
    from quintain.agents.games import STRATEGIES, strategy_names

    two = game.shape[0] == 2
    names = [name for name in strategy_names() if two or not STRATEGIES.facts(name).two_options]
    yield f"[Strategies](../how-to/games.md#strategies): {', '.join(f'`{name}`' for name in names)}."
    if two:
        first, second = game.options[0]
        if first != "cooperate":
            yield f"To cooperate is to choose option 0, `{first}`, and to defect is to choose `{second}`."
        if game.players > 2:
            yield "If one of several others defects, they count as defecting."
    else:
        yield f"The other strategies need two options, and this game has {game.shape[0]}."
    yield ""
    yield (
        "Also [language models](../how-to/games.md#language-models) (`llm-player`), "
        "[people](../how-to/games.md#people) (`human`), "
        "[strategies of your own](../how-to/games.md#your-own-strategy), and policies of "
        '[Stable-Baselines3](../how-to/train-with-stable-baselines3.md) with `view="flat"`.'
    )


def _scores(env_id: str, game: NormalFormGame) -> Iterator[str]:
    """Play a few agents against the default opponent, and yield their mean returns."""
    import gymnasium as gym

    import quintain

    opponent = gym.spec(env_id).kwargs["opponent"]
    names = ("random", "fictitious-play")
    if game.shape[0] == 2:
        names = ("random", "tit-for-tat", "always-defect", "best-response")
    whom = "three others who play" if game.players == 4 else "the default opponent,"
    yield f"Mean return in ten rounds against {whom} `{opponent}`, seed 0:"
    yield ""
    yield f"| agent | `quintain eval {env_id} -a AGENT -n 50` |"
    yield "| --- | ---: |"
    for name in names:
        report = quintain.evaluate(env_id, name, episodes=50 if name == "random" else 2)  # the others repeat themselves
        spread = report.reward.high - report.reward.low
        interval = f" [{report.reward.low:.1f}, {report.reward.high:.1f}]" if spread > 0 else ""
        yield f"| `{name}` | {report.reward.estimate:.1f}{interval} |"


def _matches(game: NormalFormGame) -> Iterator[str]:
    """Yield the mean payoffs of a few strategies against each other, in games of two players."""
    from quintain.experiments.games import tournament

    if game.players != 2 or (_is_constant_sum(game) and not game.is_symmetric):
        return  # where the seats differ, a player's payoffs in both would cancel out
    players = _TWO_OPTIONS if game.shape == (2, 2) else _MORE_OPTIONS
    result = tournament(players, game.name, rounds=_ROUNDS, repetitions=_REPETITIONS)
    seats = "" if game.is_symmetric else " Each pair plays in both seats."
    yield f"Mean payoff per round of the row's player against the column's, {_REPETITIONS} matches of {_ROUNDS} rounds,"
    yield f"seed 0.{seats}"
    yield ""
    yield f"    quintain tournament --game {game.name} --players {','.join(players)} \\"
    yield f"        --rounds {_ROUNDS} --repetitions {_REPETITIONS}"
    yield ""
    yield "| | " + " | ".join(f"`{name}`" for name in players) + " | mean |"
    yield "| --- |" + " ---: |" * (len(players) + 1)
    ranking = dict(result.ranking())
    for name, row in zip(players, result.payoffs, strict=True):
        mean = ranking[name]
        interval = f" [{mean.low:.2f}, {mean.high:.2f}]" if mean.high > mean.low else ""
        cells = " | ".join(f"{round(value, 2) + 0:.2f}" for value in (*row, mean.estimate))
        yield f"| `{name}` | {cells}{interval} |"
