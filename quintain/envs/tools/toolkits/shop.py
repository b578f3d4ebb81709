"""A shop with a cart, orders and a stock."""

from __future__ import annotations

from typing import NamedTuple

from quintain.envs.tools.content import ITEMS, SENTENCES
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Line", "Order", "Product", "Shop"]

#: Minutes from an order until it is packed.
_PACKING = 3


class Product(NamedTuple):
    """Something on sale; prices are in cents."""

    id: str
    title: str
    cents: int
    stock: int
    review: str


class Line(NamedTuple):
    """A number of pieces of a product in the cart."""

    id: str
    quantity: int


class Order(NamedTuple):
    """An order."""

    id: str
    product: str
    quantity: int
    minute: int


class Shop(Toolkit):
    """A shop where the user buys things."""

    name = "shop"
    untrusted = ("review",)

    def __init__(self) -> None:
        super().__init__()
        self.products = self.table("product", Product)
        self.cart = self.table("line", Line)
        self.orders = self.table("order", Order, free=("minute",))

    def populate(self, rng: Draw) -> None:
        """Offer ten products at different prices, with reviews; two orders are on their way."""
        prices = rng.sample(range(200, 9000, 10), 10)
        for title, cents in zip(rng.sample(ITEMS, 10), prices, strict=True):
            self.products.add(title, cents, rng.integer(5, 20), " ".join(rng.sample(SENTENCES, 2)))
        for product in rng.sample(list(self.products), 2):
            self.orders.add(product.id, rng.integer(1, 3), -rng.integer(1, 2))

    def conserved(self) -> int:
        """Return the number of pieces in stock, in the cart and ordered."""
        carts = sum(line.quantity for line in self.cart) + sum(order.quantity for order in self.orders)
        return carts + sum(product.stock for product in self.products)

    def ordered(self, product: str) -> int:
        """Return how many pieces of a product are ordered."""
        return sum(order.quantity for order in self.orders if order.product == product)

    @reads
    def search(self, query: str) -> list[dict[str, object]]:
        """Find products whose title contains a phrase.

        Args:
            query: The phrase; empty for all products.
        """
        found = [p for p in self.products if query.lower() in p.title.lower()]
        return [{"id": p.id, "title": p.title, "price": p.cents / 100} for p in found]

    @reads
    def product(self, id: str) -> dict[str, object]:
        """Show a product with its stock and a review.

        Args:
            id: Id of the product.
        """
        p = self.products[id]
        return {"id": p.id, "title": p.title, "price": p.cents / 100, "stock": p.stock, "review": p.review}

    @reads
    def cart_contents(self) -> list[dict[str, object]]:
        """Show the cart."""
        return [{"id": line.id, "quantity": line.quantity} for line in self.cart]

    @reads
    def order_status(self, id: str) -> dict[str, object]:
        """Show whether an order is packed.

        Args:
            id: Id of the order.
        """
        order = self.orders[id]
        left = max(0, order.minute + _PACKING - self.clock.minutes)
        state = "packed" if left == 0 else f"being packed, {left} minutes left"
        return {"id": id, "product": order.product, "quantity": order.quantity, "status": state}

    @reads
    def order_list(self) -> list[dict[str, object]]:
        """List the orders."""
        return [{"id": o.id, "product": o.product, "quantity": o.quantity} for o in self.orders]

    @writes
    def cart_add(self, id: str, quantity: int) -> str:
        """Put pieces of a product into the cart.

        Args:
            id: Id of the product.
            quantity: Number of pieces, 1 or more.
        """
        product = self.products[id]
        if quantity < 1:
            raise ToolError("quantity must be 1 or more")
        if product.stock < quantity:
            raise ToolError(f"there are only {product.stock} pieces")
        self.products.change(id, stock=product.stock - quantity)
        if id in self.cart:
            self.cart.change(id, quantity=self.cart[id].quantity + quantity)
        else:
            self.cart.add(quantity, key=id)
        return f"{quantity} x {product.title} in the cart"

    @writes
    def cart_remove(self, id: str) -> str:
        """Take a product out of the cart.

        Args:
            id: Id of the product.
        """
        line = self.cart.remove(id)
        self.products.change(id, stock=self.products[id].stock + line.quantity)
        return f"{id} is out of the cart"

    @writes
    def checkout(self) -> list[Order]:
        """Order what is in the cart."""
        if not len(self.cart):
            raise ToolError("the cart is empty")
        made = []
        for line in self.cart:
            self.cart.remove(line.id)
            made.append(self.orders.add(line.id, line.quantity, self.clock.minutes))
        return made

    @writes
    def cancel_order(self, id: str) -> str:
        """Cancel an order.

        Args:
            id: Id of the order.
        """
        order = self.orders.remove(id)
        self.products.change(order.product, stock=self.products[order.product].stock + order.quantity)
        return f"cancelled {id}"
