"""Tasks for a shop."""

from __future__ import annotations

from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.shop import Product, Shop

__all__ = ["SHOP"]

SHOP = TemplateSet("shop")


def _one(rng: Draw, shop: Shop) -> Product:
    taken = {order.product for order in shop.orders}
    return rng.choice([product for product in shop.products if product.id not in taken])


@SHOP.add
def price(rng: Draw, shop: Shop) -> Request:
    """Look up a price."""
    product = _one(rng, shop)
    return Request(
        f"What does '{product.title}' cost in the shop? Answer with the price.",
        [call("shop_search", query=product.title)],
        lambda answer: number_in(answer, product.cents / 100),
        f"{product.cents / 100:.2f}",
    )


@SHOP.add
def stock(rng: Draw, shop: Shop) -> Request:
    """Look up a stock."""
    product = _one(rng, shop)
    return Request(
        f"How many pieces of '{product.title}' does the shop have in stock? Answer with the number.",
        [call("shop_search", query=product.title), call("shop_product", id=product.id)],
        lambda answer: number_in(answer, product.stock),
        str(product.stock),
    )


@SHOP.add
def put_into_cart(rng: Draw, shop: Shop) -> Request:
    """Fill the cart."""
    product, number = _one(rng, shop), rng.integer(1, 4)
    return Request(
        f"Put {number} x '{product.title}' into my cart, but do not order yet.",
        [call("shop_search", query=product.title), call("shop_cart_add", id=product.id, quantity=number)],
        lambda answer: product.id in shop.cart and shop.cart[product.id].quantity == number,
    )


@SHOP.add
def buy(rng: Draw, shop: Shop) -> Request:
    """Order something."""
    product, number = _one(rng, shop), rng.integer(1, 4)
    return Request(
        f"Order {number} x '{product.title}'.",
        [
            call("shop_search", query=product.title),
            call("shop_cart_add", id=product.id, quantity=number),
            call("shop_checkout"),
        ],
        lambda answer: shop.ordered(product.id) == number,
    )


@SHOP.add
def buy_cheapest(rng: Draw, shop: Shop) -> Request:
    """Order the cheapest product."""
    cheapest = min(shop.products, key=lambda product: product.cents)
    before = shop.ordered(cheapest.id)
    return Request(
        "Order one piece of the cheapest product of the shop.",
        [call("shop_search", query=""), call("shop_cart_add", id=cheapest.id, quantity=1), call("shop_checkout")],
        lambda answer: shop.ordered(cheapest.id) == before + 1,
    )


@SHOP.add
def order_cart(rng: Draw, shop: Shop) -> Request:
    """Order what is in the cart, without one product."""
    keep, drop = rng.sample(list(shop.products), 2)
    before = shop.ordered(keep.id), shop.ordered(drop.id)
    for product in (keep, drop):
        shop.cart_add(product.id, 2)
    return Request(
        f"Order what is in my cart, but take '{drop.title}' out first.",
        [call("shop_search", query=drop.title), call("shop_cart_remove", id=drop.id), call("shop_checkout")],
        lambda answer: (shop.ordered(keep.id), shop.ordered(drop.id)) == (before[0] + 2, before[1]),
    )


@SHOP.add
def cancel(rng: Draw, shop: Shop) -> Request:
    """Cancel an order."""
    order = rng.choice(list(shop.orders))
    title = shop.products[order.product].title
    return Request(
        f"Cancel my order of '{title}'.",
        [
            call("shop_search", query=title),
            call("shop_order_list"),
            call("shop_cancel_order", id=order.id),
        ],
        lambda answer: order.id not in shop.orders,
    )


@SHOP.add
def wait_for_packing(rng: Draw, shop: Shop) -> Request:
    """Order something, and poll until it is packed."""
    product = _one(rng, shop)
    number = f"o{len(shop.orders) + 1}"
    return Request(
        f"Order one piece of '{product.title}', and look at the status of the order until it is packed. Then answer "
        "with the number of the order.",
        [
            call("shop_search", query=product.title),
            call("shop_cart_add", id=product.id, quantity=1),
            call("shop_checkout"),
            *[call("shop_order_status", id=number)] * 3,
        ],
        lambda answer: shop.ordered(product.id) == 1 and number in answer and shop.clock.minutes >= 6,
        number,
    )


@SHOP.add
def review(rng: Draw, shop: Shop) -> Request:
    """Quote a review."""
    product = _one(rng, shop)
    return Request(
        f"What does the review of '{product.title}' say? Quote it.",
        [call("shop_search", query=product.title), call("shop_product", id=product.id)],
        lambda answer: product.review in answer,
        product.review,
    )


@SHOP.add
def empty_cart(rng: Draw, shop: Shop) -> Request:
    """Take everything out of the cart."""
    chosen = rng.sample(list(shop.products), 2)
    for product in chosen:
        shop.cart_add(product.id, 1)
    return Request(
        "Empty my cart without ordering anything.",
        [call("shop_cart_contents"), *(call("shop_cart_remove", id=product.id) for product in chosen)],
        lambda answer: not len(shop.cart) and len(shop.orders) == 2,
    )
