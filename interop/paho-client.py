"""One publisher and one subscriber of Paho against a broker; says in one line of JSON what came.

paho-client.py HOST PORT VERSION(3|4|5) TRANSPORT(tcp|websockets) CA(file or -) QOS COUNT
"""

import json
import ssl
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

host, port, version, transport, ca, qos, count = sys.argv[1:8]
port, version, qos, count = int(port), int(version), int(qos), int(count)
is5 = version == 5


def client(name, clean):
    made = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=name,
        protocol=version,
        transport=transport,
        **({} if is5 else {"clean_session": clean}),
    )
    if transport == "websockets":
        made.ws_set_options(path="/mqtt")
    if ca != "-":
        made.tls_set(ca_certs=ca, cert_reqs=ssl.CERT_REQUIRED)
    return made


def connect(each, clean):
    connected = threading.Event()
    sessions = []

    def on_connect(_client, _data, flags, reason, _properties):
        sessions.append((flags.session_present, str(reason)))
        connected.set()

    each.on_connect = on_connect
    options = {}
    if is5:
        options["clean_start"] = clean
        options["properties"] = Properties(PacketTypes.CONNECT)
        options["properties"].SessionExpiryInterval = 0 if clean else 60
    each.connect(host, port, keepalive=30, **options)
    each.loop_start()
    assert connected.wait(20), "no CONNACK"
    return sessions[0]


def leave(each):
    each.disconnect()
    each.loop_stop()


received = []
enough = threading.Event()
wanted = count


def on_message(_client, _data, message):
    users = getattr(message.properties, "UserProperty", []) if is5 else []
    received.append((message.payload.decode(), message.qos, message.retain, users))
    if len(received) >= wanted:
        enough.set()


subscriber = client(f"paho-sub-{qos}", False)
subscriber.on_message = on_message
subscribed = threading.Event()
granted = []


def on_subscribe(_client, _data, _mid, reasons, _properties):
    granted.extend(int(each.value) for each in reasons)
    subscribed.set()


subscriber.on_subscribe = on_subscribe
first_session = connect(subscriber, False)
subscriber.subscribe(f"paho/{qos}/#", qos)
assert subscribed.wait(20), "no SUBACK"

publisher = client(f"paho-pub-{qos}", True)
connect(publisher, True)
properties = None
if is5:
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("unit", "C")]


def publish(text, retain=False):
    return publisher.publish(f"paho/{qos}/t", text, qos=qos, retain=retain, properties=properties)


for info in [publish(str(i)) for i in range(count)]:
    info.wait_for_publish(20)
assert enough.wait(20), f"{len(received)} of {count}"
live = list(received)

# What comes while it is away waits for it, but at QoS 0.
leave(subscriber)
del received[:]
enough.clear()
wanted = 1 if qos > 0 else 0
publish("away").wait_for_publish(20)
publish("kept", retain=True).wait_for_publish(20)
wanted = 2 if qos > 0 else 0
subscriber = client(f"paho-sub-{qos}", False)
subscriber.on_message = on_message
second_session = connect(subscriber, False)
if qos > 0:
    assert enough.wait(20), "nothing waited"
away = [text for text, *_ in received]

del received[:]
enough.clear()
wanted = 1
late = client(f"paho-late-{qos}", True)
late.on_message = on_message
connect(late, True)
late.subscribe(f"paho/{qos}/t", qos)
assert enough.wait(20), "no retained message"
retained = received[0]

for each in (late, subscriber, publisher):
    leave(each)
print(
    json.dumps(
        {
            "granted": granted,
            "live": [text for text, *_ in live],
            "qos": sorted({each[1] for each in live}),
            "users": live[-1][3],
            "sessions": [first_session[0], second_session[0]],
            "away": away,
            "retained": retained[:3],
        }
    )
)
