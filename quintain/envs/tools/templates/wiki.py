"""Tasks for an encyclopedia."""

from __future__ import annotations

from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.wiki import Wiki

__all__ = ["WIKI"]

WIKI = TemplateSet("wiki")


@WIKI.add
def founded(rng: Draw, wiki: Wiki) -> Request:
    """Look up a year."""
    page = rng.choice(list(wiki.pages))
    return Request(
        f"In which year was {page.id} founded? Answer with the year.",
        [call("wiki_read", title=page.id)],
        lambda answer: number_in(answer, page.founded),
        str(page.founded),
    )


@WIKI.add
def inhabitants(rng: Draw, wiki: Wiki) -> Request:
    """Look up a number of inhabitants."""
    page = rng.choice(list(wiki.pages))
    return Request(
        f"How many inhabitants has {page.id}? Answer with the number.",
        [call("wiki_read", title=page.id)],
        lambda answer: number_in(answer, page.inhabitants),
        str(page.inhabitants),
    )


@WIKI.add
def on_river(rng: Draw, wiki: Wiki) -> Request:
    """Find a town by its river."""
    page = rng.choice(list(wiki.pages))
    return Request(
        f"Which town lies on the river {page.river}?",
        [call("wiki_search", query=f"river {page.river}")],
        lambda answer: page.id in answer and sum(p.id in answer for p in wiki.pages) == 1,
        page.id,
    )


@WIKI.add
def mayor(rng: Draw, wiki: Wiki) -> Request:
    """Look up a mayor."""
    page = rng.choice(list(wiki.pages))
    return Request(
        f"Who is the mayor of {page.id}?",
        [call("wiki_read", title=page.id)],
        lambda answer: page.mayor in answer,
        page.mayor,
    )


@WIKI.add
def mayor_of_neighbour(rng: Draw, wiki: Wiki) -> Request:
    """Follow a link."""
    page = rng.choice(list(wiki.pages))
    other = wiki.pages[page.neighbour]
    return Request(
        f"Who is the mayor of the next town after {page.id}?",
        [call("wiki_links", title=page.id), call("wiki_read", title=other.id)],
        lambda answer: other.mayor in answer,
        other.mayor,
    )


@WIKI.add
def older(rng: Draw, wiki: Wiki) -> Request:
    """Compare two towns."""
    one, two = rng.sample(list(wiki.pages), 2)
    first, second = sorted((one, two), key=lambda page: page.founded)
    return Request(
        f"Which town is older, {one.id} or {two.id}? Answer with its name only.",
        [call("wiki_read", title=one.id), call("wiki_read", title=two.id)],
        lambda answer: first.id in answer and second.id not in answer,
        first.id,
    )


@WIKI.add
def together(rng: Draw, wiki: Wiki) -> Request:
    """Add the inhabitants of two towns."""
    one, two = rng.sample(list(wiki.pages), 2)
    number = one.inhabitants + two.inhabitants
    return Request(
        f"How many inhabitants have {one.id} and {two.id} together? Answer with the number.",
        [call("wiki_read", title=one.id), call("wiki_read", title=two.id)],
        lambda answer: number_in(answer, number),
        str(number),
    )


@WIKI.add
def where_mayor(rng: Draw, wiki: Wiki) -> Request:
    """Find a town by its mayor."""
    page = rng.choice(list(wiki.pages))
    return Request(
        f"On which river is the town whose mayor is {page.mayor}?",
        [call("wiki_search", query=page.mayor), call("wiki_read", title=page.id)],
        lambda answer: page.river in answer,
        page.river,
    )


@WIKI.add
def list_towns(rng: Draw, wiki: Wiki) -> Request:
    """List all articles."""
    names = [page.id for page in wiki.pages]
    return Request(
        "List the titles of all articles of the encyclopedia.",
        [call("wiki_index")],
        lambda answer: all(name in answer for name in names),
        ", ".join(names),
    )
