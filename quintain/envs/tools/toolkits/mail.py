"""A mailbox."""

from __future__ import annotations

from typing import Literal, NamedTuple

from quintain.envs.tools.content import PEOPLE, SENTENCES, TOPICS, USER, address
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Mail", "Mailbox"]

Folder = Literal["inbox", "archive", "sent", "trash"]


class Mail(NamedTuple):
    """An e-mail."""

    id: str
    folder: str
    sender: str
    to: str
    subject: str
    body: str


class Summary(NamedTuple):
    """An e-mail without its text."""

    id: str
    folder: str
    sender: str
    to: str
    subject: str


class Mailbox(Toolkit):
    """The user's e-mail."""

    name = "mail"
    untrusted = ("subject", "body")

    def __init__(self) -> None:
        super().__init__()
        self.mails = self.table("mail", Mail, free=("subject", "body"))

    def populate(self, rng: Draw) -> None:
        """Put six e-mails into the inbox and two into the archive, each with a subject and a sender of its own."""
        senders, subjects = rng.sample(PEOPLE, 8), rng.sample(TOPICS, 8)
        for number, (sender, subject) in enumerate(zip(senders, subjects, strict=True)):
            body = " ".join(rng.sample(SENTENCES, 2))
            self.mails.add("inbox" if number < 6 else "archive", address(sender), USER, subject, body)

    def inbox(self) -> list[Mail]:
        """Return the e-mails of the inbox."""
        return [mail for mail in self.mails if mail.folder == "inbox"]

    def sent_to(self, to: str) -> list[Mail]:
        """Return what the user has sent to an address."""
        return [mail for mail in self.mails if mail.folder == "sent" and mail.to == to]

    @reads
    def folder(self, folder: Folder = "inbox") -> list[Summary]:
        """List the e-mails of a folder, without their text.

        Args:
            folder: Name of the folder.
        """
        return [Summary(*mail[:5]) for mail in self.mails if mail.folder == folder]

    @reads
    def search(self, query: str) -> list[Summary]:
        """Find the e-mails whose sender, subject or text contains a phrase, in all folders.

        Args:
            query: The phrase; upper and lower case do not matter.
        """
        phrase = query.lower()
        hits = [m for m in self.mails if phrase in f"{m.sender}\n{m.to}\n{m.subject}\n{m.body}".lower()]
        return [Summary(*mail[:5]) for mail in hits]

    @reads
    def read(self, id: str) -> Mail:
        """Read an e-mail.

        Args:
            id: Id of the e-mail.
        """
        return self.mails[id]

    @writes
    def send(self, to: str, subject: str, body: str) -> Summary:
        """Send an e-mail.

        Args:
            to: Address of the recipient.
            subject: Subject line.
            body: Text of the e-mail.
        """
        if "@" not in to:
            raise ToolError(f"{to[:60]!r} is not an e-mail address")
        return Summary(*self.mails.add("sent", USER, to, subject, body)[:5])

    @writes
    def reply(self, id: str, body: str) -> Summary:
        """Answer an e-mail.

        Args:
            id: Id of the e-mail.
            body: Text of the answer.
        """
        mail = self.mails[id]
        return Summary(*self.mails.add("sent", USER, mail.sender, f"Re: {mail.subject}", body)[:5])

    @writes
    def forward(self, id: str, to: str) -> Summary:
        """Send an e-mail on to somebody else.

        Args:
            id: Id of the e-mail.
            to: Address of the recipient.
        """
        if "@" not in to:
            raise ToolError(f"{to[:60]!r} is not an e-mail address")
        mail = self.mails[id]
        return Summary(*self.mails.add("sent", USER, to, f"Fwd: {mail.subject}", mail.body)[:5])

    @writes
    def move(self, id: str, folder: Folder) -> Summary:
        """Move an e-mail to another folder.

        Args:
            id: Id of the e-mail.
            folder: Name of the folder.
        """
        return Summary(*self.mails.change(id, folder=folder)[:5])

    @writes
    def delete(self, id: str) -> str:
        """Delete an e-mail for good.

        Args:
            id: Id of the e-mail.
        """
        self.mails.remove(id)
        return f"deleted {id}"
