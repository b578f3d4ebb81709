"""Tasks for a bank."""

from __future__ import annotations

from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.bank import Account, Bank

__all__ = ["BANK"]

BANK = TemplateSet("bank")


def _payee(rng: Draw, bank: Bank) -> Account:
    return rng.choice([account for account in bank.accounts if account.owner != "me"])


@BANK.add
def balance(rng: Draw, bank: Bank) -> Request:
    """Tell a balance."""
    account = rng.choice(("checking", "savings"))
    amount = bank.accounts[account].cents / 100
    return Request(
        f"What is the balance of my {account} account? Answer with the amount.",
        [call("bank_balance", account=account)],
        lambda answer: number_in(answer, amount),
        f"{amount:.2f}",
    )


@BANK.add
def wealth(rng: Draw, bank: Bank) -> Request:
    """Add two balances."""
    amount = (bank.accounts["checking"].cents + bank.accounts["savings"].cents) / 100
    return Request(
        "How much money do I have in my checking and savings accounts together? Answer with the amount.",
        [call("bank_balance", account="checking"), call("bank_balance", account="savings")],
        lambda answer: number_in(answer, amount),
        f"{amount:.2f}",
    )


@BANK.add
def pay(rng: Draw, bank: Bank) -> Request:
    """Pay somebody."""
    payee, cents = _payee(rng, bank), rng.integer(500, 20_000)
    return Request(
        f"Pay {cents / 100:.2f} from my checking account to {payee.owner}. The reference is 'thanks'.",
        [
            call("bank_payees"),
            call("bank_pay", account="checking", target=payee.id, amount=cents / 100, reference="thanks"),
        ],
        lambda answer: bank.paid(payee.id) == [cents],
    )


@BANK.add
def save(rng: Draw, bank: Bank) -> Request:
    """Transfer to savings."""
    cents, before = rng.integer(10, 500) * 100, bank.accounts["savings"].cents
    return Request(
        f"Transfer {cents // 100} from checking to savings.",
        [call("bank_transfer", source="checking", target="savings", amount=cents // 100)],
        lambda answer: bank.accounts["savings"].cents == before + cents,
    )


@BANK.add
def top_up(rng: Draw, bank: Bank) -> Request:
    """Transfer what is missing to an amount."""
    wanted = (bank.accounts["checking"].cents // 100 + rng.integer(10, 90)) * 100
    missing = wanted - bank.accounts["checking"].cents
    return Request(
        f"Transfer from savings to checking what is missing to exactly {wanted // 100} in checking.",
        [
            call("bank_balance", account="checking"),
            call("bank_transfer", source="savings", target="checking", amount=missing / 100),
        ],
        lambda answer: bank.accounts["checking"].cents == wanted,
    )


@BANK.add
def paid_for(rng: Draw, bank: Bank) -> Request:
    """Look up a payment."""
    payment = rng.choice(list(bank.payments))
    return Request(
        f"How much did I pay for '{payment.reference}'? Answer with the amount.",
        [call("bank_transactions", account="checking")],
        lambda answer: number_in(answer, payment.cents / 100),
        f"{payment.cents / 100:.2f}",
    )


@BANK.add
def payee_account(rng: Draw, bank: Bank) -> Request:
    """Look up an account number."""
    payee = _payee(rng, bank)
    return Request(
        f"What is the account number of {payee.owner}?",
        [call("bank_payees")],
        lambda answer: payee.id in answer,
        payee.id,
    )


@BANK.add
def pay_again(rng: Draw, bank: Bank) -> Request:
    """Repeat an earlier payment."""
    payment = rng.choice(list(bank.payments))
    return Request(
        f"Make the payment with the reference '{payment.reference}' once more: same payee, same amount.",
        [
            call("bank_transactions", account="checking"),
            call(
                "bank_pay", account="checking", target=payment.target, amount=payment.cents / 100,
                reference=payment.reference,
            ),
        ],
        lambda answer: bank.paid(payment.target) == [payment.cents],
    )  # fmt: skip


@BANK.add
def largest(rng: Draw, bank: Bank) -> Request:
    """Find the largest payment."""
    most = max(bank.payments, key=lambda payment: payment.cents)
    return Request(
        "What was the largest payment from my checking account for? Answer with its reference.",
        [call("bank_transactions", account="checking")],
        lambda answer: (
            most.reference in answer and not any(p.reference in answer for p in bank.payments if p.cents < most.cents)
        ),
        most.reference,
    )


@BANK.add
def split_bill(rng: Draw, bank: Bank) -> Request:
    """Pay the same amount to two payees."""
    one, two = rng.sample([account for account in bank.accounts if account.owner != "me"], 2)
    cents = rng.integer(500, 9000)
    amount = cents / 100
    return Request(
        f"Pay {amount:.2f} each to {one.owner} and {two.owner}, from checking.",
        [
            call("bank_payees"),
            call("bank_pay", account="checking", target=one.id, amount=amount),
            call("bank_pay", account="checking", target=two.id, amount=amount),
        ],
        lambda answer: bank.paid(one.id) == bank.paid(two.id) == [cents],
    )
