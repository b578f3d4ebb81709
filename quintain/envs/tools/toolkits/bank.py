"""A ledger of accounts: payments move money, none appears or is lost."""

from __future__ import annotations

from typing import NamedTuple

from quintain.envs.tools.content import PEOPLE
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import TODAY, Toolkit

__all__ = ["Account", "Bank", "Payment"]

_PURPOSES = ("rent", "groceries", "gym", "insurance", "repair", "books", "concert", "refund")


class Account(NamedTuple):
    """An account; those of others belong to payees."""

    id: str
    owner: str
    cents: int


class Payment(NamedTuple):
    """A payment."""

    id: str
    date: str
    source: str
    target: str
    cents: int
    reference: str


class Bank(Toolkit):
    """The user's accounts, ``checking`` and ``savings``, and those of payees."""

    name = "bank"
    untrusted = ("reference",)

    def __init__(self) -> None:
        super().__init__()
        self.accounts = self.table("account", Account)
        self.payments = self.table("payment", Payment, free=("reference",))

    def populate(self, rng: Draw) -> None:
        """Open two accounts of the user and four of payees, with six payments."""
        self.accounts.add("me", rng.integer(100_000, 500_000), key="checking")
        self.accounts.add("me", rng.integer(100_000, 900_000), key="savings")
        payees = rng.sample(PEOPLE, 4)
        for name in payees:
            self.accounts.add(name, 0, key=f"DE{rng.integer(10_000, 99_999)}")
        keys = [account.id for account in self.accounts if account.owner != "me"]
        for purpose in rng.sample(_PURPOSES, 6):
            self.payments.add("2026-02-20", "checking", rng.choice(keys), rng.integer(500, 40_000), purpose)

    def conserved(self) -> int:
        """Return all money, in cents."""
        return sum(account.cents for account in self.accounts)

    def paid(self, target: str) -> list[int]:
        """Return the amounts that were paid to an account today, in cents."""
        return [payment.cents for payment in self.payments if (payment.date, payment.target) == (TODAY, target)]

    @reads
    def balance(self, account: str) -> float:
        """Show the balance of an account of the user.

        Args:
            account: ``checking`` or ``savings``.
        """
        return self._own(account).cents / 100

    @reads
    def payees(self) -> list[dict[str, str]]:
        """List the payees with their account numbers."""
        return [{"name": a.owner, "account": a.id} for a in self.accounts if a.owner != "me"]

    @reads
    def transactions(self, account: str) -> list[dict[str, object]]:
        """List the payments from or to an account.

        Args:
            account: Number of the account.
        """
        self.accounts[account]
        found = [p for p in self.payments if account in (p.source, p.target)]
        return [
            {"id": p.id, "date": p.date, "from": p.source, "to": p.target, "amount": p.cents / 100}
            | {"reference": p.reference}
            for p in found
        ]

    @writes
    def transfer(self, source: str, target: str, amount: float) -> str:
        """Move money between the user's own accounts.

        Args:
            source: ``checking`` or ``savings``.
            target: The other one.
            amount: Amount, with at most two decimals.
        """
        self._own(target)
        return self._move(source, target, amount, "transfer")

    @writes
    def pay(self, account: str, target: str, amount: float, reference: str = "") -> str:
        """Pay somebody.

        Args:
            account: Account of the user from which to pay, ``checking`` or ``savings``.
            target: Account number of the payee.
            amount: Amount, with at most two decimals.
            reference: Text for the payee.
        """
        if self.accounts[target].owner == "me":
            raise ToolError("use bank_transfer between your own accounts")
        return self._move(account, target, amount, reference)

    def _own(self, account: str) -> Account:
        found = self.accounts[account]
        if found.owner != "me":
            raise ToolError(f"{account} is not an account of yours")
        return found

    def _move(self, source: str, target: str, amount: float, reference: str) -> str:
        cents = round(amount * 100)
        if cents < 1 or abs(cents - amount * 100) > 1e-6:
            raise ToolError("the amount must be positive, with at most two decimals")
        if source == target:
            raise ToolError("source and target are the same account")
        if self._own(source).cents < cents:
            raise ToolError(f"there is not enough money in {source}")
        self.accounts.change(source, cents=self.accounts[source].cents - cents)
        self.accounts.change(target, cents=self.accounts[target].cents + cents)
        self.payments.add(TODAY, source, target, cents, reference)
        return f"{cents / 100:.2f} from {source} to {target}"
