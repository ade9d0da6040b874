"""A producer and a consumer on pynsq, for interop/nsq-clients.test.ts; commands, options and output are those of
interop/go-nsq/main.go."""

import argparse
import functools
import json
import ssl
import sys

import nsq
import tornado.ioloop

parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["produce", "consume"])
for option in ("nsqd", "lookupd", "topic", "channel", "tls", "compress", "secret"):
    parser.add_argument("--" + option)
parser.add_argument("--count", type=int)
parser.add_argument("--misbehave", action="store_true")
args = parser.parse_args()
loop = tornado.ioloop.IOLoop.current()


def connection_options():
    options = {}
    if args.tls:
        options["tls_v1"] = True
        options["tls_options"] = {"ca_certs": args.tls, "cert_reqs": ssl.CERT_REQUIRED}
    if args.compress:
        options[args.compress] = True
    if args.secret:
        options["auth_secret"] = args.secret
    return options


def body_of(index):
    return ("%d %s" % (index, "x" * (index * 97 % 5000))).encode()


def produce():
    writer = nsq.Writer([args.nsqd], reconnect_interval=0.5, **connection_options())

    def publish(index):
        if index == args.count:
            print("published %d" % index)
            loop.stop()
        else:
            writer.pub(args.topic, body_of(index), functools.partial(answered, index))

    def answered(index, _connection, data):
        if isinstance(data, nsq.Error):
            loop.call_later(0.1, publish, index)
        else:
            publish(index + 1)

    loop.call_later(0, publish, 0)
    loop.start()


def consume():
    finished = set()
    deliveries = 0

    def finish(index, message):
        message.finish()
        finished.add(index)
        if len(finished) == args.count:
            # The FIN is to leave before the loop ends.
            loop.call_later(0.1, loop.stop)

    def touch(index, left, message):
        message.touch()
        if left == 0:
            finish(index, message)
        else:
            loop.call_later(0.5, touch, index, left - 1, message)

    def handle(message):
        nonlocal deliveries
        index = int(message.body.split(b" ", 1)[0])
        if message.body != body_of(index):
            sys.exit("a message is not as it was published: %r" % message.body)
        deliveries += 1
        message.enable_async()
        if args.misbehave and message.attempts == 1 and index % 4 != 0:
            if index % 4 == 1:
                message.requeue(delay=0, backoff=False)
            elif index % 4 == 3:
                loop.call_later(0.5, touch, index, 2, message)
            return
        finish(index, message)

    options = connection_options()
    if args.misbehave:
        options["msg_timeout"] = 1  # In seconds.
    if args.lookupd:
        options["lookupd_http_addresses"] = [args.lookupd]
    else:
        options["nsqd_tcp_addresses"] = [args.nsqd]
    nsq.Reader(
        message_handler=handle,
        topic=args.topic,
        channel=args.channel,
        max_in_flight=20,
        max_tries=0,
        lookupd_poll_interval=1,
        lookupd_poll_jitter=0.1,
        **options,
    )
    loop.start()
    print(json.dumps({"unique": len(finished), "deliveries": deliveries}))


produce() if args.command == "produce" else consume()
