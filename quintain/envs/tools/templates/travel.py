"""Tasks for flights."""

from __future__ import annotations

from quintain.envs.tools.content import PEOPLE
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.travel import Flight, Travel

__all__ = ["TRAVEL"]

TRAVEL = TemplateSet("travel")


def _free(rng: Draw, travel: Travel) -> Flight:
    return rng.choice([flight for flight in travel.flights if not travel.booked(flight.id)])


@TRAVEL.add
def price(rng: Draw, travel: Travel) -> Request:
    """Look up a price."""
    flight = rng.choice(list(travel.flights))
    return Request(
        f"What does flight {flight.id} cost? Answer with the price.",
        [call("travel_flight", id=flight.id)],
        lambda answer: number_in(answer, flight.price),
        str(flight.price),
    )


@TRAVEL.add
def departure(rng: Draw, travel: Travel) -> Request:
    """Look up date and hour."""
    flight = rng.choice(list(travel.flights))
    return Request(
        f"When does flight {flight.id} leave? Answer with the date as YYYY-MM-DD and the hour.",
        [call("travel_flight", id=flight.id)],
        lambda answer: flight.date in answer and number_in(answer.replace(":00", " "), flight.hour),
        f"{flight.date}, {flight.hour}:00",
    )


@TRAVEL.add
def book(rng: Draw, travel: Travel) -> Request:
    """Book a flight."""
    flight = _free(rng, travel)
    return Request(
        f"Book flight {flight.id} for me.",
        [call("travel_book", flight=flight.id)],
        lambda answer: travel.booked(flight.id),
    )


@TRAVEL.add
def book_for(rng: Draw, travel: Travel) -> Request:
    """Book a flight for somebody else."""
    flight, name = _free(rng, travel), rng.choice(PEOPLE)
    return Request(
        f"Book flight {flight.id} for {name}.",
        [call("travel_book", flight=flight.id, passenger=name)],
        lambda answer: travel.booked(flight.id, name),
    )


@TRAVEL.add
def cheapest(rng: Draw, travel: Travel) -> Request:
    """Book the cheapest flight from a city."""
    origin = rng.choice(list(travel.flights)).origin
    flight = min((f for f in travel.flights if f.origin == origin), key=lambda f: f.price)
    for booking in travel.bookings:
        if booking.flight == flight.id:
            travel.cancel(booking.id)
    return Request(
        f"Book the cheapest flight from {origin} for me, wherever it goes.",
        [call("travel_search", origin=origin), call("travel_book", flight=flight.id)],
        lambda answer: travel.booked(flight.id),
    )


@TRAVEL.add
def where_to(rng: Draw, travel: Travel) -> Request:
    """List the destinations from a city."""
    origin = rng.choice(list(travel.flights)).origin
    cities = {flight.destination for flight in travel.flights if flight.origin == origin}
    return Request(
        f"To which cities are there flights from {origin}?",
        [call("travel_search", origin=origin)],
        lambda answer: all(city in answer for city in cities),
        ", ".join(sorted(cities)),
    )


@TRAVEL.add
def cancel(rng: Draw, travel: Travel) -> Request:
    """Cancel a booking."""
    booking = rng.choice(list(travel.bookings))
    return Request(
        f"Cancel my booking of flight {booking.flight}.",
        [call("travel_booking_list"), call("travel_cancel", booking=booking.id)],
        lambda answer: booking.id not in travel.bookings,
    )


@TRAVEL.add
def rebook(rng: Draw, travel: Travel) -> Request:
    """Change a booking to another flight."""
    booking, flight = rng.choice(list(travel.bookings)), _free(rng, travel)
    return Request(
        f"Cancel my booking of flight {booking.flight} and book flight {flight.id} instead.",
        [
            call("travel_booking_list"),
            call("travel_cancel", booking=booking.id),
            call("travel_book", flight=flight.id),
        ],
        lambda answer: booking.id not in travel.bookings and travel.booked(flight.id),
    )


@TRAVEL.add
def my_flights(rng: Draw, travel: Travel) -> Request:
    """List the bookings."""
    booked = [booking.flight for booking in travel.bookings]
    return Request(
        "Which flights have I booked? Answer with their numbers.",
        [call("travel_booking_list")],
        lambda answer: all(flight in answer for flight in booked),
        ", ".join(booked),
    )


@TRAVEL.add
def total_price(rng: Draw, travel: Travel) -> Request:
    """Add the prices of the bookings."""
    flights = [travel.flights[booking.flight] for booking in travel.bookings]
    total = sum(flight.price for flight in flights)
    return Request(
        "What do the flights that I have booked cost together? Answer with the amount.",
        [call("travel_booking_list"), *(call("travel_flight", id=flight.id) for flight in flights)],
        lambda answer: number_in(answer, total),
        str(total),
    )
