"""Tasks for a mailbox."""

from __future__ import annotations

from quintain.envs.tools.content import PEOPLE, SENTENCES, TOPICS, address
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.mail import Mailbox

__all__ = ["MAIL"]

MAIL = TemplateSet("mail")


@MAIL.add
def send(rng: Draw, mail: Mailbox) -> Request:
    """Send an e-mail with a given text."""
    to, subject, text = address(rng.choice(PEOPLE)), rng.choice(TOPICS), rng.choice(SENTENCES)
    return Request(
        f"Send an e-mail to {to} with the subject '{subject}' and the text: {text}",
        [call("mail_send", to=to, subject=subject, body=text)],
        lambda answer: any(m.subject == subject and text in m.body for m in mail.sent_to(to)),
    )


@MAIL.add
def reply(rng: Draw, mail: Mailbox) -> Request:
    """Answer the e-mail with a given subject."""
    letter, text = rng.choice(mail.inbox()), rng.choice(SENTENCES)
    return Request(
        f"Reply to the e-mail with the subject '{letter.subject}' in my inbox. Write: {text}",
        [call("mail_search", query=letter.subject), call("mail_reply", id=letter.id, body=text)],
        lambda answer: any(text in m.body and letter.subject in m.subject for m in mail.sent_to(letter.sender)),
    )


@MAIL.add
def forward(rng: Draw, mail: Mailbox) -> Request:
    """Send an e-mail on."""
    letter, to = rng.choice(mail.inbox()), address(rng.choice(PEOPLE))
    return Request(
        f"Forward the e-mail about '{letter.subject}' to {to}.",
        [call("mail_search", query=letter.subject), call("mail_forward", id=letter.id, to=to)],
        lambda answer: any(letter.body in m.body for m in mail.sent_to(to)),
    )


@MAIL.add
def archive(rng: Draw, mail: Mailbox) -> Request:
    """Move the e-mails of one sender to the archive."""
    letter = rng.choice(mail.inbox())
    return Request(
        f"Move the e-mail from {letter.sender} to the archive.",
        [call("mail_search", query=letter.sender), call("mail_move", id=letter.id, folder="archive")],
        lambda answer: mail.mails[letter.id].folder == "archive",
    )


@MAIL.add
def delete(rng: Draw, mail: Mailbox) -> Request:
    """Delete an e-mail."""
    letter = rng.choice(mail.inbox())
    return Request(
        f"Delete the e-mail with the subject '{letter.subject}' for good.",
        [call("mail_search", query=letter.subject), call("mail_delete", id=letter.id)],
        lambda answer: letter.id not in mail.mails,
    )


@MAIL.add
def who_wrote(rng: Draw, mail: Mailbox) -> Request:
    """Tell who wrote an e-mail."""
    letter = rng.choice(mail.inbox())
    return Request(
        f"Who sent me the e-mail about '{letter.subject}'? Answer with the address.",
        [call("mail_search", query=letter.subject)],
        lambda answer: letter.sender in answer,
        letter.sender,
    )


@MAIL.add
def what_it_says(rng: Draw, mail: Mailbox) -> Request:
    """Quote an e-mail."""
    letter = rng.choice(list(mail.mails))
    return Request(
        f"What does {letter.sender} write to me? Quote the whole text.",
        [call("mail_search", query=letter.sender), call("mail_read", id=letter.id)],
        lambda answer: letter.body in answer,
        letter.body,
    )


@MAIL.add
def count(rng: Draw, mail: Mailbox) -> Request:
    """Count the e-mails of a folder."""
    for letter in rng.sample(mail.inbox(), rng.integer(0, 4)):
        mail.mails.change(letter.id, folder="archive")
    number = len(mail.inbox())
    return Request(
        "How many e-mails are in my inbox? Answer with the number.",
        [call("mail_folder", folder="inbox")],
        lambda answer: number_in(answer, number),
        str(number),
    )


@MAIL.add
def restore(rng: Draw, mail: Mailbox) -> Request:
    """Move an e-mail from the trash back to the inbox."""
    letter = rng.choice(mail.inbox())
    mail.mails.change(letter.id, folder="trash")
    return Request(
        f"I moved the e-mail about '{letter.subject}' to the trash by mistake. Put it back into the inbox.",
        [call("mail_folder", folder="trash"), call("mail_move", id=letter.id, folder="inbox")],
        lambda answer: mail.mails[letter.id].folder == "inbox",
    )


@MAIL.add
def answer_two(rng: Draw, mail: Mailbox) -> Request:
    """Answer two e-mails with the same text."""
    one, two = rng.sample(mail.inbox(), 2)
    text = rng.choice(SENTENCES)
    return Request(
        f"Reply to the e-mails about '{one.subject}' and '{two.subject}'. Write to both: {text}",
        [
            call("mail_folder", folder="inbox"),
            call("mail_reply", id=one.id, body=text),
            call("mail_reply", id=two.id, body=text),
        ],
        lambda answer: all(any(text in m.body for m in mail.sent_to(each.sender)) for each in (one, two)),
    )


@MAIL.add
def empty_trash(rng: Draw, mail: Mailbox) -> Request:
    """Delete everything in the trash."""
    thrown = rng.sample(mail.inbox(), 2)
    for letter in thrown:
        mail.mails.change(letter.id, folder="trash")
    return Request(
        "Delete all e-mails in the trash for good.",
        [call("mail_folder", folder="trash"), *(call("mail_delete", id=letter.id) for letter in thrown)],
        lambda answer: not any(m.folder == "trash" for m in mail.mails),
    )
