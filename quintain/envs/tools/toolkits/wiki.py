"""An encyclopedia of invented places."""

from __future__ import annotations

from typing import NamedTuple

from quintain.envs.tools.content import PEOPLE
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import reads
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Page", "Wiki"]

_PLACES = (
    "Alverton", "Birkfeld", "Castra", "Dunmere", "Elsholm", "Fennick", "Grauwald", "Hollin", "Isendal", "Jorvik Bay",
)  # fmt: skip
_RIVERS = ("Aun", "Brenne", "Corva", "Dessel", "Erin", "Folda", "Gelt", "Hesper", "Ilse", "Jarn")


class Page(NamedTuple):
    """An article about a town."""

    id: str
    river: str
    founded: int
    inhabitants: int
    mayor: str
    neighbour: str


class Wiki(Toolkit):
    """An encyclopedia, which anybody can edit."""

    name = "wiki"
    untrusted = ("text",)

    def __init__(self) -> None:
        super().__init__()
        self.pages = self.table("page", Page)

    def populate(self, rng: Draw) -> None:
        """Write about ten towns, with different rivers, years, numbers of inhabitants and mayors."""
        places, rivers, mayors = rng.sample(_PLACES, 10), rng.sample(_RIVERS, 10), rng.sample(PEOPLE, 10)
        years, inhabitants = rng.sample(range(900, 1900), 10), rng.sample(range(1000, 90_000), 10)
        for k, place in enumerate(places):
            self.pages.add(rivers[k], years[k], inhabitants[k], mayors[k], places[(k + 1) % 10], key=place)

    @reads
    def search(self, query: str) -> list[str]:
        """Find the titles of articles that contain a phrase.

        Args:
            query: The phrase; upper and lower case do not matter.
        """
        return [page.id for page in self.pages if query.lower() in _text(page).lower()]

    @reads
    def read(self, title: str) -> dict[str, str]:
        """Read an article.

        Args:
            title: Its title.
        """
        return {"title": title, "text": _text(self.pages[title])}

    @reads
    def links(self, title: str) -> list[str]:
        """List the articles to which an article refers.

        Args:
            title: Its title.
        """
        return [self.pages[title].neighbour]

    @reads
    def index(self) -> list[str]:
        """List the titles of all articles."""
        return [page.id for page in self.pages]


def _text(page: Page) -> str:
    return (
        f"{page.id} is a town on the river {page.river}. It was founded in {page.founded} and has {page.inhabitants} "
        f"inhabitants. The mayor is {page.mayor}. The next town is {page.neighbour}."
    )
