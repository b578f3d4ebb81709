"""Longer tasks, over two or three toolkits."""

from __future__ import annotations

from quintain.envs.tools.content import after
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.bank import Bank
from quintain.envs.tools.toolkits.calendar import Calendar
from quintain.envs.tools.toolkits.chat import CHANNELS, Chat
from quintain.envs.tools.toolkits.contacts import Contacts
from quintain.envs.tools.toolkits.files import Cabinet
from quintain.envs.tools.toolkits.home import Home
from quintain.envs.tools.toolkits.mail import Mailbox
from quintain.envs.tools.toolkits.notes import Notebook
from quintain.envs.tools.toolkits.shop import Shop
from quintain.envs.tools.toolkits.todo import TodoList
from quintain.envs.tools.toolkits.travel import Travel
from quintain.envs.tools.toolkits.wiki import Wiki

__all__ = ["ERRAND"]

ERRAND = TemplateSet("errand")


@ERRAND.add
def fly_and_tell(rng: Draw, travel: Travel, contacts: Contacts, mail: Mailbox) -> Request:
    """Book a flight, and write its number to a contact."""
    person = rng.choice(list(contacts.people))
    flight = rng.choice([f for f in travel.flights if not travel.booked(f.id)])
    return Request(
        f"Book flight {flight.id} for me, and write the date of the flight to {person.name} from my address book.",
        [
            call("travel_flight", id=flight.id),
            call("travel_book", flight=flight.id),
            call("contacts_search", query=person.name),
            call("mail_send", to=person.email, subject=flight.id, body=flight.date),
        ],
        lambda answer: travel.booked(flight.id) and any(flight.date in m.body for m in mail.sent_to(person.email)),
    )


@ERRAND.add
def sick_day(rng: Draw, calendar: Calendar, mail: Mailbox, chat: Chat) -> Request:
    """Cancel a day, and say so in two places."""
    events = calendar.on(rng.choice(list(calendar.events)).date)
    date, to, text = events[0].date, rng.choice(mail.inbox()).sender, "I am ill."
    return Request(
        f"I am ill on {date}: cancel my appointments of this day, write '{text}' to {to} with the subject 'Ill', and "
        f"post '{text}' in the channel general.",
        [
            call("calendar_day", date=date),
            *(call("calendar_cancel", id=event.id) for event in events),
            call("mail_send", to=to, subject="Ill", body=text),
            call("chat_post", channel="general", text=text),
        ],
        lambda answer: (
            not calendar.on(date)
            and any(text in m.body for m in mail.sent_to(to))
            and any(text in written for written in chat.written("general"))
        ),
    )


@ERRAND.add
def shopping_on_a_budget(rng: Draw, shop: Shop, bank: Bank) -> Request:
    """Order something if there is enough money."""
    product = rng.choice(list(shop.products))
    before, rich = shop.ordered(product.id), bank.accounts["checking"].cents >= 300_000
    calls = [call("bank_balance", account="checking"), call("shop_search", query=product.title)]
    calls += [call("shop_cart_add", id=product.id, quantity=1), call("shop_checkout")] if rich else []
    said, other = ("ordered", "not enough") if rich else ("not enough money", "ordered")
    return Request(
        f"If my checking account has at least 3000, order one '{product.title}' and answer: ordered. Otherwise do "
        "nothing and answer: not enough money.",
        calls,
        lambda answer: (
            shop.ordered(product.id) == before + rich and said in answer.lower() and other not in answer.lower()
        ),
        said,
    )


@ERRAND.add
def pay_friends(rng: Draw, files: Cabinet, bank: Bank) -> Request:
    """Pay what a file lists."""
    payees = rng.sample([a for a in bank.accounts if a.owner != "me"], 2)
    amounts = [rng.integer(5, 90) for _ in payees]
    rows = tuple((payee.owner, str(amount)) for payee, amount in zip(payees, amounts, strict=True))
    files.files.add(("name", "amount"), rows, key="debts.csv")
    return Request(
        "Pay everybody in debts.csv the amount that stands there, from checking.",
        [
            call("files_read", name="debts.csv"),
            call("bank_payees"),
            *(
                call("bank_pay", account="checking", target=payee.id, amount=amount)
                for payee, amount in zip(payees, amounts, strict=True)
            ),
        ],
        lambda answer: all(bank.paid(p.id) == [100 * a] for p, a in zip(payees, amounts, strict=True)),
    )


@ERRAND.add
def invite(rng: Draw, contacts: Contacts, calendar: Calendar, mail: Mailbox) -> Request:
    """Enter an appointment, and invite two people."""
    guests = rng.sample(list(contacts.people), 2)
    date = after(rng.integer(15, 25))
    return Request(
        f"Enter 'Dinner' on {date} at 17:00 into my calendar, and write the date to {guests[0].name} and "
        f"{guests[1].name} by e-mail, with the subject 'Dinner'; their addresses are in my address book.",
        [
            call("calendar_create", title="Dinner", date=date, hour=17),
            *(call("contacts_search", query=guest.name) for guest in guests),
            *(call("mail_send", to=guest.email, subject="Dinner", body=date) for guest in guests),
        ],
        lambda answer: (
            any((e.title, e.hour) == ("Dinner", 17) for e in calendar.on(date))
            and all(any(date in m.body for m in mail.sent_to(guest.email)) for guest in guests)
        ),
    )


@ERRAND.add
def go_to_bed(rng: Draw, home: Home, todo: TodoList) -> Request:
    """Switch everything off, and tell what is due next."""
    home.devices.change(home.of("lamp")[0].id, on=True)
    on = [*home.of("lamp", on=True), *home.of("heater", on=True)]
    first = todo.open()[0]
    return Request(
        "Switch off all lamps and heaters that are on, and tell me which open entry of my to-do list is due first.",
        [
            call("home_devices_in", room="all"),
            *(call("home_switch", id=device.id, on=False) for device in on),
            call("todo_entries", status="open"),
        ],
        lambda answer: first.title in answer and not any(d.on for d in (*home.of("lamp"), *home.of("heater"))),
        first.title,
    )


@ERRAND.add
def research(rng: Draw, wiki: Wiki, notes: Notebook, chat: Chat) -> Request:
    """Write down the larger of two towns, and post it."""
    one, two = rng.sample(list(wiki.pages), 2)
    larger, channel = max((one, two), key=lambda page: page.inhabitants), rng.choice(CHANNELS)
    return Request(
        f"Which has more inhabitants, {one.id} or {two.id}? Write its name into a new note 'Larger town' and into the "
        f"channel {channel}.",
        [
            call("wiki_read", title=one.id),
            call("wiki_read", title=two.id),
            call("notes_create", title="Larger town", text=larger.id),
            call("chat_post", channel=channel, text=larger.id),
        ],
        lambda answer: (
            any(n.title == "Larger town" and larger.id in n.text for n in notes.notes)
            and any(larger.id in written for written in chat.written(channel))
        ),
    )


@ERRAND.add
def laundry(rng: Draw, home: Home, chat: Chat) -> Request:
    """Start a machine, poll, and say that it has finished."""
    machine = rng.choice(("dishwasher", "washing-machine"))
    return Request(
        f"Start the {machine.replace('-', ' ')} with the short program. When its status says that it has finished, "
        "write 'finished' into the channel general.",
        [
            call("home_start", id=machine, program="short"),
            *[call("home_status", id=machine)] * 3,
            call("chat_post", channel="general", text="finished"),
        ],
        lambda answer: (
            home.devices[machine].on
            and home.clock.minutes >= 5
            and any("finished" in written for written in chat.written("general"))
        ),
    )


@ERRAND.add
def tidy_up(rng: Draw, mail: Mailbox, todo: TodoList, notes: Notebook) -> Request:
    """Empty the trash, remove what is done, and delete a note."""
    letter, note = rng.choice(mail.inbox()), rng.choice(list(notes.notes))
    mail.mails.change(letter.id, folder="trash")
    done = [entry for entry in todo.todos if entry.done]
    return Request(
        f"Delete the e-mails in the trash for good, remove what is done from my to-do list, and delete my note "
        f"'{note.title}'.",
        [
            call("mail_folder", folder="trash"),
            call("mail_delete", id=letter.id),
            call("todo_entries", status="done"),
            *(call("todo_remove", id=entry.id) for entry in done),
            call("notes_search", query=note.title),
            call("notes_delete", id=note.id),
        ],
        lambda answer: (
            letter.id not in mail.mails and note.id not in notes.notes and not any(t.done for t in todo.todos)
        ),
    )


@ERRAND.add
def stock_report(rng: Draw, files: Cabinet, mail: Mailbox) -> Request:
    """Send two statistics."""
    to, stock = rng.choice(mail.inbox()).sender, [int(n) for n in files.column("inventory.csv", "stock")]
    text = f"{sum(stock)} and {min(stock)}"
    return Request(
        f"Send the sum and the minimum of the stock in inventory.csv to {to}, with the subject 'Stock'.",
        [
            call("files_compute", name="inventory.csv", column="stock", function="sum"),
            call("files_compute", name="inventory.csv", column="stock", function="min"),
            call("mail_send", to=to, subject="Stock", body=text),
        ],
        lambda answer: any(number_in(m.body, sum(stock)) and number_in(m.body, min(stock)) for m in mail.sent_to(to)),
    )


@ERRAND.add
def reschedule(rng: Draw, mail: Mailbox, calendar: Calendar) -> Request:
    """Move an appointment as an e-mail asks, and confirm."""
    event, letter, text = rng.choice(list(calendar.events)), rng.choice(mail.inbox()), "It is done."
    date = after(rng.integer(15, 25))
    mail.mails.change(letter.id, subject="Please move it", body=f"Can we move '{event.title}' to {date}, 10:00?")
    return Request(
        f"Do what the e-mail 'Please move it' asks for, and reply: {text}",
        [
            call("mail_search", query="Please move it"),
            call("mail_read", id=letter.id),
            call("calendar_find", query=event.title),
            call("calendar_move", id=event.id, date=date, hour=10),
            call("mail_reply", id=letter.id, body=text),
        ],
        lambda answer: (
            calendar.events[event.id][2:4] == (date, 10) and any(text in m.body for m in mail.sent_to(letter.sender))
        ),
    )


@ERRAND.add
def gift(rng: Draw, contacts: Contacts, shop: Shop, todo: TodoList) -> Request:
    """Order a gift, and put a telephone call on the list."""
    person, product, due = rng.choice(list(contacts.people)), rng.choice(list(shop.products)), after(rng.integer(3, 9))
    before, title = shop.ordered(product.id), f"Call {person.phone}"
    return Request(
        f"Order a '{product.title}' for {person.name}, and add 'Call' with the telephone number from my address book "
        f"to my to-do list, as in 'Call 123', due on {due}.",
        [
            call("shop_search", query=product.title),
            call("shop_cart_add", id=product.id, quantity=1),
            call("shop_checkout"),
            call("contacts_search", query=person.name),
            call("todo_add", title=title, due=due),
        ],
        lambda answer: (
            shop.ordered(product.id) == before + 1 and any((t.title, t.due) == (title, due) for t in todo.todos)
        ),
    )


@ERRAND.add
def cheaper_trip(rng: Draw, travel: Travel, bank: Bank) -> Request:
    """Book the cheaper of two flights, and save the difference."""
    one, two = rng.sample([f for f in travel.flights if not travel.booked(f.id)], 2)
    cheap, dear = sorted((one, two), key=lambda flight: flight.price)
    saved, before = dear.price - cheap.price, bank.accounts["savings"].cents
    return Request(
        f"Book the cheaper one of the flights {one.id} and {two.id} for me, and transfer the difference of the prices "
        "from checking to savings.",
        [
            call("travel_flight", id=one.id),
            call("travel_flight", id=two.id),
            call("travel_book", flight=cheap.id),
            call("bank_transfer", source="checking", target="savings", amount=saved),
        ],
        lambda answer: (
            travel.booked(cheap.id)
            and not travel.booked(dear.id)
            and bank.accounts["savings"].cents == before + 100 * saved
        ),
    )


@ERRAND.add
def pass_on(rng: Draw, chat: Chat, mail: Mailbox, notes: Notebook) -> Request:
    """Send the last message of a channel to somebody, and keep it."""
    channel, to = rng.choice(CHANNELS), rng.choice(mail.inbox()).sender
    text = chat.history_of(channel)[-1].text
    return Request(
        f"Send the last message of the channel {channel} to {to} by e-mail, with the subject 'From the chat', and keep "
        "its text as a note 'Kept'.",
        [
            call("chat_history", channel=channel),
            call("mail_send", to=to, subject="From the chat", body=text),
            call("notes_create", title="Kept", text=text),
        ],
        lambda answer: (
            any(text in m.body for m in mail.sent_to(to))
            and any(n.title == "Kept" and text in n.text for n in notes.notes)
        ),
    )


@ERRAND.add
def weekend(rng: Draw, calendar: Calendar, todo: TodoList) -> Request:
    """Postpone everything that is due on a day, and clear the day."""
    entry, new = todo.open()[0], after(20)
    events = calendar.on(entry.due)
    return Request(
        f"Postpone the to-do entry that is due first to {new}, and cancel all appointments of the day on which it was "
        "due.",
        [
            call("todo_entries", status="open"),
            call("todo_postpone", id=entry.id, due=new),
            call("calendar_day", date=entry.due),
            *(call("calendar_cancel", id=event.id) for event in events),
        ],
        lambda answer: todo.todos[entry.id].due == new and not calendar.on(entry.due),
    )
