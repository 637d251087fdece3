"""Invoices for the demo: a hundred rows of data, the same ones every time."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

_CUSTOMERS: Final = (
    ("Ada Lovelace", "7 Analytical Lane\nLondon W1 2AB\nUnited Kingdom"),
    ("Grace Hopper", "3 Compiler Street\nArlington, VA 22201\nUnited States"),
    ("Søren Ångström", "Bøkkerveien 12\n0579 Oslo\nNorway"),
    ("Zofia Wójcik", "ul. Długa 44\n00-241 Warszawa\nPoland"),
    ("Núria Puig", "Carrer de Mar 9\n08003 Barcelona\nSpain"),
    ("Ιωάννα Παππά", "Ερμού 18\n105 63 Αθήνα\nGreece"),
)

_SERVICES: Final = (
    ("Yacht charter, Bavaria 46, per day", 420.0),
    ("Skipper, per day", 180.0),
    ("Final cleaning and linen", 195.5),
    ("Diesel, litres", 1.89),
    ("Mooring, per night", 48.0),
    ("Dinghy with outboard, per day", 35.0),
)

_FIRST_DAY: Final = date(2026, 6, 1)
_TAX: Final = 0.23
_MOST_OF_ONE: Final = 9


def write_invoices(file: Path, count: int) -> None:
    """Write one invoice a line."""
    with file.open("w", encoding="utf-8") as lines:
        for invoice in make_invoices(count):
            lines.write(json.dumps(invoice, ensure_ascii=False) + "\n")


def make_invoices(count: int) -> Iterator[dict[str, Any]]:
    """Make data for the template `invoice`."""
    random = Random(count)  # noqa: S311 - the same rows every time, and no secret
    for number in range(1, count + 1):
        yield _invoice(number, random)


def _invoice(number: int, random: Random) -> dict[str, Any]:
    name, address = _CUSTOMERS[number % len(_CUSTOMERS)]
    issued = _FIRST_DAY + timedelta(days=number % 28)
    items = [_item(random, *service) for service in random.sample(_SERVICES, random.randint(2, len(_SERVICES)))]
    subtotal = round(sum(item["amount"] for item in items), 2)
    tax = round(subtotal * _TAX, 2)
    return {
        "number": f"2026-{number:04}",
        "issuedOn": issued.isoformat(),
        "dueOn": (issued + timedelta(days=14)).isoformat(),
        "seller": {"name": "Northwind Charters Ltd", "address": "14 Harbour Road\nKinsale, P17 AB12\nIreland"},
        "customer": {"name": name, "address": address},
        "items": items,
        "subtotal": subtotal,
        "tax": tax,
        "total": round(subtotal + tax, 2),
        "notes": "Please pay within 14 days and quote the invoice number.",
    }


def _item(random: Random, description: str, price: float) -> dict[str, Any]:
    quantity = random.randint(1, _MOST_OF_ONE)
    return {
        "description": description,
        "quantity": quantity,
        "unitPrice": price,
        "amount": round(quantity * price, 2),
    }
