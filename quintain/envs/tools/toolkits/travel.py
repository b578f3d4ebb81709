"""Flights and bookings."""

from __future__ import annotations

from typing import NamedTuple

from quintain.envs.tools.content import CITIES, after
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Booking", "Flight", "Travel"]


class Flight(NamedTuple):
    """A flight; its price is in whole euros."""

    id: str
    origin: str
    destination: str
    date: str
    hour: int
    price: int
    seats: int


class Booking(NamedTuple):
    """A seat on a flight."""

    id: str
    flight: str
    passenger: str


class Travel(Toolkit):
    """Flights that the user can book."""

    name = "travel"

    def __init__(self) -> None:
        super().__init__()
        self.flights = self.table("flight", Flight)
        self.bookings = self.table("booking", Booking)

    def populate(self, rng: Draw) -> None:
        """Offer twelve flights from three cities at different prices; two are booked by the user."""
        origins, prices = rng.sample(CITIES, 3), rng.sample(range(60, 600), 12)
        for number, price in enumerate(prices):
            origin = origins[number % 3]
            destination = rng.choice([city for city in CITIES if city != origin])
            date, hour, seats = after(rng.integer(2, 9)), rng.integer(6, 21), rng.integer(3, 9)
            self.flights.add(origin, destination, date, hour, price, seats, key=f"QU{100 + number}")
        for flight in rng.sample(list(self.flights), 2):
            self.bookings.add(flight.id, "me")

    def conserved(self) -> int:
        """Return the number of seats, free or booked."""
        return len(self.bookings) + sum(flight.seats for flight in self.flights)

    def booked(self, flight: str, passenger: str = "me") -> bool:
        """Return whether somebody has a seat on a flight."""
        return any((b.flight, b.passenger) == (flight, passenger) for b in self.bookings)

    @reads
    def search(self, origin: str, destination: str = "") -> list[dict[str, object]]:
        """Find flights.

        Args:
            origin: City from which they leave.
            destination: City to which they go; empty for any.
        """
        found = [f for f in self.flights if f.origin == origin and destination in ("", f.destination)]
        return [{"id": f.id, "to": f.destination, "date": f.date, "price": f.price} for f in found]

    @reads
    def flight(self, id: str) -> Flight:
        """Show a flight.

        Args:
            id: Number of the flight.
        """
        return self.flights[id]

    @reads
    def booking_list(self) -> list[Booking]:
        """List the bookings."""
        return list(self.bookings)

    @writes
    def book(self, flight: str, passenger: str = "me") -> Booking:
        """Book a seat.

        Args:
            flight: Number of the flight.
            passenger: Name of the passenger; ``me`` for the user.
        """
        found = self.flights[flight]
        if found.seats < 1:
            raise ToolError(f"{flight} is full")
        self.flights.change(flight, seats=found.seats - 1)
        return self.bookings.add(flight, passenger)

    @writes
    def cancel(self, booking: str) -> str:
        """Cancel a booking.

        Args:
            booking: Id of the booking.
        """
        made = self.bookings.remove(booking)
        self.flights.change(made.flight, seats=self.flights[made.flight].seats + 1)
        return f"cancelled {booking}"
