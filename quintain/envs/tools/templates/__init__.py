"""The task templates, by suite."""

from quintain.envs.tools.template import TemplateSet
from quintain.envs.tools.templates.calendar import CALENDAR
from quintain.envs.tools.templates.files import FILES
from quintain.envs.tools.templates.mail import MAIL

__all__ = ["SETS"]

#: The sets of templates, in order.
SETS: tuple[TemplateSet, ...] = (MAIL, CALENDAR, FILES)
