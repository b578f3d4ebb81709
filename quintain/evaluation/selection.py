"""The items that a run plays: the first ones, or those chosen by number or id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from quintain.envs.making import EnvLike, make_env
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.evaluation.job import Job
from quintain.evaluation.rollout import items_of
from quintain.seeding import Seeds

__all__ = ["choose_items", "episodes_of", "item_ids"]


def choose_items(
    count: int, limit: int | None, items: Iterable[int | str] | None, ids: Callable[[], Iterable[str]]
) -> list[int]:
    """Return the numbers of the items to play, ascending.

    Args:
        count: Number of items of the run, >= 1.
        limit: Maximum number of items, >= 1; ``None`` for no limit.
        items: Numbers of items, from 0, or their ids; ``None`` for the first ``count``.
        ids: Function that returns the ids of the first ``count`` items, in order; called where ``items`` has an id.

    Raises:
        ConfigurationError: If there are no items, or a number is negative.
        UnknownNameError: If none of the first ``count`` items has an id.
    """
    if items is None:
        return list(range(count))[:limit]
    wanted = [items] if isinstance(items, str) else list(items)
    wrong = [item for item in wanted if not _names_an_item(item)]
    if not wanted or wrong:
        raise ConfigurationError(f"items must be numbers >= 0 or ids of items, got {wrong[0] if wrong else wanted!r}")
    chosen = {item for item in wanted if isinstance(item, int)}
    if missing := {item for item in wanted if isinstance(item, str)}:
        known = []
        for number, name in enumerate(ids()):
            known.append(name)
            if name in missing:
                chosen.add(number)
                missing.discard(name)
                if not missing:
                    break
        if missing:
            raise UnknownNameError(f"item among the first {count}", min(missing), filter(None, known))
    return sorted(chosen)[:limit]


def _names_an_item(item: object) -> bool:
    return isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool) and item >= 0)


def item_ids(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    seeds: Seeds,
    reset_options: Mapping[str, Any] | None,
    count: int,
) -> Iterator[str]:
    """Yield the ids of a run's first items, ``info["task_id"]`` after their reset; empty where there is none.

    Args:
        env: Id, spec, class or factory of the environment, or an environment.
        env_kwargs: Its arguments, if it is given by id or spec.
        seeds: Seeds of the items.
        reset_options: ``options`` of the environment's ``reset``.
        count: Number of items, >= 1.
    """
    made = make_env(env, env_kwargs)
    item_count = items_of(made)
    try:
        for number in range(count):
            job = Job(number, seeds[number], reset_options, item=number)
            _, info = (job if item_count is None else job.posing(item_count)).reset(made)
            yield str(info.get("task_id", ""))
    finally:
        made.close()


def episodes_of(items: Sequence[int], repeats: int) -> list[int]:
    """Return the indices of the episodes of some items: those of an item follow each other.

    Args:
        items: Numbers of the items.
        repeats: Number of answers to an item, >= 1.

    Example:
        >>> episodes_of([0, 2], 3)
        [0, 1, 2, 6, 7, 8]
    """
    return [item * repeats + repeat for item in items for repeat in range(repeats)]
