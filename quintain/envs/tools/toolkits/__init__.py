"""The toolkits."""

from quintain.envs.tools.toolkit import Toolkit
from quintain.envs.tools.toolkits.calendar import Calendar
from quintain.envs.tools.toolkits.files import Cabinet
from quintain.envs.tools.toolkits.mail import Mailbox

__all__ = ["TOOLKITS", "Cabinet", "Calendar", "Mailbox"]

#: The toolkits, in the order in which distractors are drawn from.
TOOLKITS: tuple[type[Toolkit], ...] = (Mailbox, Calendar, Cabinet)
