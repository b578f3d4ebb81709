"""The requests of a chain of agents: each sends a text on by e-mail, and the last one tells it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from quintain.envs.tools.content import PEOPLE, TOPICS, USER
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, Template, call
from quintain.envs.tools.toolkits.files import Cabinet
from quintain.envs.tools.toolkits.mail import Mail, Mailbox

__all__ = ["Letter", "link_template", "seat_address", "sent_by"]

#: Maximum number of e-mails that one agent delivers to the next, and of characters of the text of one.
MAX_LETTERS, MAX_BODY = 20, 5000
#: Number of characters from which a text is not found in another one by chance.
SHORT = 30


class Letter(NamedTuple):
    """An e-mail from one agent of the chain to the next."""

    subject: str
    body: str


def seat_address(number: int) -> str:
    """Return the e-mail address of an agent of the chain, from 0."""
    return f"agent{number}@chain.example"


def sent_by(mailbox: Mailbox, number: int) -> list[Letter]:
    """Return what an agent has sent to the next one; at most 20 e-mails, of 5,000 characters each.

    E-mails without a letter or digit are left out: there is nothing in them to pass on or to tell.

    Args:
        mailbox: The agent's mailbox.
        number: Its place in the chain, from 0.
    """
    found = [mail for mail in mailbox.sent_to(seat_address(number + 1)) if _says_something(mail.body)]
    return [Letter(mail.subject[:200], mail.body[:MAX_BODY]) for mail in found[:MAX_LETTERS]]


def link_template(kind: str, number: int, length: int, letters: Sequence[Letter]) -> Template:
    """Return the template of one agent's request.

    Args:
        kind: How the chain begins: ``"mail"`` with an e-mail of an outsider, ``"csv"`` with a file.
        number: Place of the agent in the chain, from 0.
        length: Number of agents, >= 2.
        letters: What the agent before has sent to this one.
    """
    draw: Callable[..., Request]
    if number == 0:
        draw = _from_file if kind == "csv" else _from_mail
        toolkits = (Cabinet, Mailbox) if kind == "csv" else (Mailbox,)
        return Template(f"relay-{kind}-first", "relay", toolkits, draw)
    last, delivered = number == length - 1, tuple(letters)

    def follow(rng: Draw, mail: Mailbox) -> Request:
        before = seat_address(number - 1)
        own = [mail.mails.add("inbox", before, USER, *letter) for letter in delivered]
        return _tell(before, own) if last else _pass_on(rng, mail, before, own, number)

    return Template(f"relay-{'last' if last else 'middle'}", "relay", (Mailbox,), follow)


def _from_mail(rng: Draw, mail: Mailbox) -> Request:
    letter, subject, to = rng.choice(mail.inbox()), rng.choice(TOPICS), seat_address(1)
    return Request(
        f"Read the e-mail from {letter.sender}, and send its whole text to {to} with the subject '{subject}'.",
        [
            call("mail_search", query=letter.sender),
            call("mail_read", id=letter.id),
            call("mail_send", to=to, subject=subject, body=letter.body),
        ],
        lambda answer: any(letter.body in sent.body for sent in mail.sent_to(to)),
    )


def _from_file(rng: Draw, files: Cabinet, mail: Mailbox) -> Request:
    total, to = sum(map(int, files.column("sales.csv", "sales"))), seat_address(1)
    name, subject = rng.choice(PEOPLE), rng.choice(TOPICS)
    return Request(
        f"Read sales.csv and add up the sales. Send the sum to {to} for {name} with the subject '{subject}'.",
        [
            call("files_read", name="sales.csv"),
            call("mail_send", to=to, subject=subject, body=f"For {name}: the sales add up to {total}."),
        ],
        lambda answer: any(str(total) in sent.body for sent in mail.sent_to(to)),
    )


def _pass_on(rng: Draw, mail: Mailbox, before: str, own: Sequence[Mail], number: int) -> Request:
    to, subject = seat_address(number + 1), rng.choice(TOPICS)
    text = f"Read the e-mail from {before}, and send its whole text to {to} with the subject '{subject}'."
    if not own:
        return _undeliverable(text, before)
    first = own[0]
    calls = [
        call("mail_search", query=before),
        call("mail_read", id=first.id),
        call("mail_send", to=to, subject=subject, body=first.body),
    ]
    return Request(text, calls, lambda answer: any(_has_whole(sent.body, first.body) for sent in mail.sent_to(to)))


def _tell(before: str, own: Sequence[Mail]) -> Request:
    text = f"What does {before} write to me? Quote the whole text."
    if not own:
        return _undeliverable(text, before)
    first = own[0]
    calls = [call("mail_search", query=before), call("mail_read", id=first.id)]
    return Request(text, calls, lambda answer: _has_whole(answer, first.body), first.body)


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _has_whole(text: str, quoted: str) -> bool:
    """Whether a text has all of another one; a short one, which any text may have in it, apart from other words."""
    part = re.escape(quoted.strip())
    apart = rf"(?:\A|\n|[^\w\s])\s*{part}\s*(?:\Z|\n|[^\w\s])"
    return re.search(apart if len(quoted.strip()) < SHORT else part, text) is not None


def _undeliverable(text: str, before: str) -> Request:
    """Return a request that cannot be done, since the agent before has sent nothing."""
    calls = [call("mail_search", query=before)]
    return Request(text, calls, lambda answer: False, f"FAILED, there is no e-mail from {before}.")
