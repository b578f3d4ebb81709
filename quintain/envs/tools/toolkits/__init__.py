"""The toolkits."""

from quintain.envs.tools.toolkit import Toolkit
from quintain.envs.tools.toolkits.bank import Bank
from quintain.envs.tools.toolkits.calendar import Calendar
from quintain.envs.tools.toolkits.chat import Chat
from quintain.envs.tools.toolkits.contacts import Contacts
from quintain.envs.tools.toolkits.files import Cabinet
from quintain.envs.tools.toolkits.home import Home
from quintain.envs.tools.toolkits.mail import Mailbox
from quintain.envs.tools.toolkits.notes import Notebook
from quintain.envs.tools.toolkits.shop import Shop
from quintain.envs.tools.toolkits.todo import TodoList
from quintain.envs.tools.toolkits.travel import Travel
from quintain.envs.tools.toolkits.wiki import Wiki

__all__ = ["TOOLKITS"]

#: The toolkits, in the order in which distractors are drawn.
TOOLKITS: tuple[type[Toolkit], ...] = (
    Mailbox, Calendar, Cabinet, Contacts, Bank, TodoList, Shop, Home, Wiki, Notebook, Travel, Chat,
)  # fmt: skip
