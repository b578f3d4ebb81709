"""The task templates, by suite."""

from quintain.envs.tools.template import TemplateSet
from quintain.envs.tools.templates.bank import BANK
from quintain.envs.tools.templates.calendar import CALENDAR
from quintain.envs.tools.templates.chain import CHAIN
from quintain.envs.tools.templates.chat import CHAT
from quintain.envs.tools.templates.contacts import CONTACTS
from quintain.envs.tools.templates.errand import ERRAND
from quintain.envs.tools.templates.files import FILES
from quintain.envs.tools.templates.home import HOME
from quintain.envs.tools.templates.mail import MAIL
from quintain.envs.tools.templates.notes import NOTES
from quintain.envs.tools.templates.shop import SHOP
from quintain.envs.tools.templates.todo import TODO_LIST
from quintain.envs.tools.templates.travel import TRAVEL
from quintain.envs.tools.templates.wiki import WIKI

__all__ = ["SETS"]

#: The sets of templates, in order.
SETS: tuple[TemplateSet, ...] = (
    MAIL, CALENDAR, FILES, CONTACTS, BANK, TODO_LIST, SHOP, HOME, WIKI, NOTES, TRAVEL, CHAT, CHAIN, ERRAND,
)  # fmt: skip
