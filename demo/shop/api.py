"""Products and orders: PostgreSQL behind a Redis cache, payments by a provider on the Internet, mail by the relay."""

import json
import smtplib
import ssl
import urllib.request

import psycopg2
import redis

from service import Handler, Server, until_ready

DATABASE = "host=db dbname=shop user=shop password=shop connect_timeout=3"
PAYMENTS = "https://payments.example.com/charge"
MAIL_EVERY = 10  # orders

cache = redis.Redis(host="redis", socket_timeout=3, socket_connect_timeout=3)
trust = ssl.create_default_context(cafile="/shop-tls/payments.crt")


def query(text, *values):
    connection = psycopg2.connect(DATABASE)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall()
    finally:
        connection.close()


def products(handler):
    known = cache.get("products")
    if known is None:
        rows = query("select name, price from products order by name")
        known = json.dumps([{"name": name, "price": str(price)} for name, price in rows]).encode()
        cache.set("products", known, ex=2)
    handler.answer(200, known)


def order(handler):
    handler.body()
    with urllib.request.urlopen(PAYMENTS, data=b"amount=10", timeout=5, context=trust) as answer:
        receipt = answer.read().decode()
    number = query("insert into orders (receipt) values (%s) returning id", receipt)[0][0]
    cache.incr("orders")
    if number % MAIL_EVERY == 0:
        with smtplib.SMTP("mail", 25, timeout=5) as relay:
            relay.sendmail("shop@example.org", ["customer@example.net"], f"Subject: Order {number}\n\nThank you.")
    handler.answer(200, {"order": number})


ROUTES = {"/products": products, "/orders": order}


class Api(Handler):
    def do_GET(self):
        self.handle_request(ROUTES)

    do_POST = do_GET


until_ready("redis", cache.ping)
until_ready("db", lambda: query("select count(*) from products"))
Server(("::", 9000), Api).serve_forever()
