"""Tasks in which a result of one toolkit is what another one needs."""

from __future__ import annotations

from quintain.envs.tools.content import SENTENCES, day
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

__all__ = ["CHAIN"]

CHAIN = TemplateSet("chain")


@CHAIN.add
def mail_a_contact(rng: Draw, contacts: Contacts, mail: Mailbox) -> Request:
    """Write to somebody whose address is in the address book."""
    person, text = rng.choice(list(contacts.people)), rng.choice(SENTENCES)
    return Request(
        f"Send an e-mail to {person.name}; the address is in my address book. Subject: Hello. Text: {text}",
        [
            call("contacts_search", query=person.name),
            call("mail_send", to=person.email, subject="Hello", body=text),
        ],
        lambda answer: any(text in letter.body for letter in mail.sent_to(person.email)),
    )


@CHAIN.add
def mail_to_note(rng: Draw, mail: Mailbox, notes: Notebook) -> Request:
    """Keep the text of an e-mail as a note."""
    letter = rng.choice(mail.inbox())
    return Request(
        f"Write a note '{letter.sender}' with the text of the e-mail about '{letter.subject}'.",
        [
            call("mail_search", query=letter.subject),
            call("mail_read", id=letter.id),
            call("notes_create", title=letter.sender, text=letter.body),
        ],
        lambda answer: any(n.title == letter.sender and letter.body in n.text for n in notes.notes),
    )


@CHAIN.add
def note_to_mail(rng: Draw, notes: Notebook, mail: Mailbox) -> Request:
    """Send a note to somebody."""
    note, to = rng.choice(list(notes.notes)), rng.choice(mail.inbox()).sender
    return Request(
        f"Send my note '{note.title}' to {to} by e-mail, with its title as the subject.",
        [
            call("notes_search", query=note.title),
            call("notes_read", id=note.id),
            call("mail_send", to=to, subject=note.title, body=note.text),
        ],
        lambda answer: any(note.text in m.body and note.title in m.subject for m in mail.sent_to(to)),
    )


@CHAIN.add
def mail_to_todo(rng: Draw, mail: Mailbox, todo: TodoList) -> Request:
    """Enter an e-mail into the to-do list, and archive it."""
    letter, due = rng.choice(mail.inbox()), day(rng)
    title = f"Answer {letter.sender}"
    return Request(
        f"Add '{title}' to my to-do list, due on {due}, and move the e-mail from {letter.sender} to the archive.",
        [
            call("todo_add", title=title, due=due),
            call("mail_search", query=letter.sender),
            call("mail_move", id=letter.id, folder="archive"),
        ],
        lambda answer: (
            mail.mails[letter.id].folder == "archive" and any((t.title, t.due) == (title, due) for t in todo.todos)
        ),
    )


@CHAIN.add
def appointment_to_mail(rng: Draw, calendar: Calendar, mail: Mailbox) -> Request:
    """Tell somebody when an appointment is."""
    event, to = rng.choice(list(calendar.events)), rng.choice(mail.inbox()).sender
    return Request(
        f"Write to {to} on which date and at which hour '{event.title}' is (date as YYYY-MM-DD).",
        [
            call("calendar_find", query=event.title),
            call("mail_send", to=to, subject=event.title, body=f"{event.date}, {event.hour}:00"),
        ],
        lambda answer: any(
            event.date in m.body and number_in(m.body.replace(":00", " "), event.hour) for m in mail.sent_to(to)
        ),
    )


@CHAIN.add
def appointment_to_todo(rng: Draw, calendar: Calendar, todo: TodoList) -> Request:
    """Enter a preparation for the day of an appointment."""
    event = rng.choice(list(calendar.events))
    title = f"Prepare {event.title}"
    return Request(
        f"Add '{title}' to my to-do list, due on the day of the appointment '{event.title}'.",
        [call("calendar_find", query=event.title), call("todo_add", title=title, due=event.date)],
        lambda answer: any((t.title, t.due) == (title, event.date) for t in todo.todos),
    )


@CHAIN.add
def todo_to_appointment(rng: Draw, todo: TodoList, calendar: Calendar) -> Request:
    """Enter an appointment on the day on which something is due."""
    entry = rng.choice(todo.open())
    hour = calendar.free_hours(entry.due)[0]
    return Request(
        f"Enter an appointment '{entry.title}' on the day on which it is due, at the first free hour.",
        [
            call("todo_entries"),
            call("calendar_free_hours", date=entry.due),
            call("calendar_create", title=entry.title, date=entry.due, hour=hour),
        ],
        lambda answer: any((e.title, e.hour) == (entry.title, hour) for e in calendar.on(entry.due)),
    )


@CHAIN.add
def flight_to_appointment(rng: Draw, travel: Travel, calendar: Calendar) -> Request:
    """Enter a booked flight into the calendar."""
    booking = rng.choice(list(travel.bookings))
    flight = travel.flights[booking.flight]._replace(hour=12)
    travel.flights.change(flight.id, hour=12)
    for event in calendar.on(flight.date):
        if event.hour == 12:
            calendar.events.remove(event.id)
    return Request(
        f"Enter my flight {flight.id} into the calendar, with its number as the title, at the hour at which it leaves.",
        [
            call("travel_flight", id=flight.id),
            call("calendar_create", title=flight.id, date=flight.date, hour=flight.hour),
        ],
        lambda answer: any((e.title, e.hour) == (flight.id, flight.hour) for e in calendar.on(flight.date)),
    )


@CHAIN.add
def pay_a_bill(rng: Draw, mail: Mailbox, bank: Bank) -> Request:
    """Pay the amount that an e-mail asks for."""
    payee, cents = rng.choice([a for a in bank.accounts if a.owner != "me"]), rng.integer(1000, 30_000)
    letter = rng.choice(mail.inbox())
    mail.mails.change(letter.id, subject="Your bill", body=f"Please pay {cents / 100:.2f} to {payee.owner}. Thank you.")
    return Request(
        "Pay the bill that is in the e-mail with the subject 'Your bill', from checking.",
        [
            call("mail_search", query="Your bill"),
            call("mail_read", id=letter.id),
            call("bank_payees"),
            call("bank_pay", account="checking", target=payee.id, amount=cents / 100, reference="bill"),
        ],
        lambda answer: bank.paid(payee.id) == [cents],
    )


@CHAIN.add
def balance_to_note(rng: Draw, bank: Bank, notes: Notebook) -> Request:
    """Write a balance down."""
    account = rng.choice(("checking", "savings"))
    amount = bank.accounts[account].cents / 100
    return Request(
        f"Write the balance of my {account} account into a new note 'Balance'.",
        [
            call("bank_balance", account=account),
            call("notes_create", title="Balance", text=f"{amount:.2f}"),
        ],
        lambda answer: any(n.title == "Balance" and number_in(n.text, amount) for n in notes.notes),
    )


@CHAIN.add
def sales_to_chat(rng: Draw, files: Cabinet, chat: Chat) -> Request:
    """Report a sum in a channel."""
    total, channel = sum(map(int, files.column("sales.csv", "sales"))), rng.choice(CHANNELS)
    return Request(
        f"Post the sum of all sales in sales.csv in the channel {channel}. Write the number only.",
        [
            call("files_compute", name="sales.csv", column="sales", function="sum"),
            call("chat_post", channel=channel, text=str(total)),
        ],
        lambda answer: any(number_in(text, total) for text in chat.written(channel)),
    )


@CHAIN.add
def chat_to_todo(rng: Draw, chat: Chat, todo: TodoList) -> Request:
    """Enter a message as something to do, and react to it."""
    channel, due = rng.choice(CHANNELS), day(rng)
    message = chat.history_of(channel)[-1]
    return Request(
        f"Add the text of the last message in the channel {channel} to my to-do list, due on {due}, and react to the "
        "message with 'done'.",
        [
            call("chat_history", channel=channel),
            call("todo_add", title=message.text, due=due),
            call("chat_react", id=message.id, reaction="done"),
        ],
        lambda answer: (
            chat.messages[message.id].reactions == ("done",)
            and any(t.due == due and message.text in t.title for t in todo.todos)
        ),
    )


@CHAIN.add
def buy_from_list(rng: Draw, todo: TodoList, shop: Shop) -> Request:
    """Order what the to-do list names, and mark it as done."""
    product, entry = rng.choice(list(shop.products)), rng.choice(todo.open())
    todo.todos.change(entry.id, title=f"Order the {product.title}")
    before = shop.ordered(product.id)
    return Request(
        "My to-do list says what I have to order. Order one piece of it and mark the entry as done.",
        [
            call("todo_entries"),
            call("shop_search", query=product.title),
            call("shop_cart_add", id=product.id, quantity=1),
            call("shop_checkout"),
            call("todo_complete", id=entry.id),
        ],
        lambda answer: shop.ordered(product.id) == before + 1 and todo.todos[entry.id].done,
    )


@CHAIN.add
def price_check(rng: Draw, files: Cabinet, shop: Shop) -> Request:
    """Compare a price in a file with that of the shop."""
    item, product = files.files["inventory.csv"].rows[0], rng.choice(list(shop.products))
    files.update("inventory.csv", item[0], "item", product.title)
    answer_is = "cheaper" if product.cents < round(float(item[2]) * 100) else "dearer"
    return Request(
        f"Is '{product.title}' cheaper or dearer in the shop than in inventory.csv? Answer with one word.",
        [
            call("files_filter", name="inventory.csv", column="item", value=product.title),
            call("shop_search", query=product.title),
        ],
        lambda answer: answer.strip(" .").lower() == answer_is,
        answer_is,
    )


@CHAIN.add
def wiki_to_file(rng: Draw, wiki: Wiki, files: Cabinet) -> Request:
    """Append a number from the encyclopedia to a file."""
    page = rng.choice(list(wiki.pages))
    files.files.add(("town", "inhabitants"), (), key="towns.csv")
    row = [page.id, str(page.inhabitants)]
    return Request(
        f"Append {page.id} with its number of inhabitants, from the encyclopedia, to towns.csv.",
        [call("wiki_read", title=page.id), call("files_append", name="towns.csv", values=row)],
        lambda answer: files.files["towns.csv"].rows == (tuple(row),),
    )


@CHAIN.add
def wiki_to_mail(rng: Draw, wiki: Wiki, mail: Mailbox) -> Request:
    """Answer a question by e-mail from the encyclopedia."""
    page, letter = rng.choice(list(wiki.pages)), rng.choice(mail.inbox())
    mail.mails.change(letter.id, subject="A question", body=f"Who is the mayor of {page.id}?")
    return Request(
        "Answer the e-mail with the subject 'A question'; the encyclopedia knows.",
        [
            call("mail_search", query="A question"),
            call("mail_read", id=letter.id),
            call("wiki_read", title=page.id),
            call("mail_reply", id=letter.id, body=page.mayor),
        ],
        lambda answer: any(page.mayor in m.body for m in mail.sent_to(letter.sender)),
    )


@CHAIN.add
def contact_from_mail(rng: Draw, mail: Mailbox, contacts: Contacts) -> Request:
    """Change an address book by an e-mail."""
    person, letter, number = rng.choice(list(contacts.people)), rng.choice(mail.inbox()), f"557-{rng.integer(100, 999)}"
    mail.mails.change(letter.id, subject="New number", body=f"My new number is {number}. Greetings, {person.name}")
    return Request(
        "The e-mail 'New number' gives somebody's new telephone number. Change it in my address book.",
        [
            call("mail_search", query="New number"),
            call("mail_read", id=letter.id),
            call("contacts_search", query=person.name),
            call("contacts_update", id=person.id, field="phone", value=number),
        ],
        lambda answer: contacts.people[person.id].phone == number,
    )


@CHAIN.add
def members_to_contacts(rng: Draw, files: Cabinet, contacts: Contacts) -> Request:
    """Change a city by a file."""
    person, row = rng.choice(list(contacts.people)), files.files["members.csv"].rows[0]
    files.update("members.csv", row[0], "name", person.name)
    contacts.people.change(person.id, city="Nowhere")
    return Request(
        f"Take the city of {person.name} from members.csv into my address book.",
        [
            call("files_filter", name="members.csv", column="name", value=person.name),
            call("contacts_search", query=person.name),
            call("contacts_update", id=person.id, field="city", value=row[1]),
        ],
        lambda answer: contacts.people[person.id].city == row[1],
    )


@CHAIN.add
def heat_for_the_appointment(rng: Draw, calendar: Calendar, home: Home) -> Request:
    """Set a heater to the hour of an appointment."""
    event, heater = rng.choice(list(calendar.events)), rng.choice(home.of("heater"))
    degrees = 20 if event.hour < 12 else 18
    home.devices.change(heater.id, level=22)
    return Request(
        f"If '{event.title}' is before 12 o'clock, set the heater in the {heater.room} to 20 degrees, else to 18.",
        [
            call("calendar_find", query=event.title),
            call("home_devices_in", room=heater.room),
            call("home_set_level", id=heater.id, level=degrees),
        ],
        lambda answer: home.devices[heater.id].level == degrees,
    )


@CHAIN.add
def ask_for_a_refund(rng: Draw, shop: Shop, mail: Mailbox) -> Request:
    """Cancel an order, and tell the shop's address."""
    order, to = rng.choice(list(shop.orders)), "service@shop.example"
    title = shop.products[order.product].title
    return Request(
        f"Cancel my order of '{title}', and write its number to {to}, with the subject 'Refund'.",
        [
            call("shop_search", query=title),
            call("shop_order_list"),
            call("shop_cancel_order", id=order.id),
            call("mail_send", to=to, subject="Refund", body=order.id),
        ],
        lambda answer: (
            order.id not in shop.orders and any(order.id in m.body and "Refund" in m.subject for m in mail.sent_to(to))
        ),
    )
