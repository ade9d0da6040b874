/**
 * Publishes to two sessions on real files as fast as it is acknowledged, until it is killed. One client is away; the other
 * answers everything. Says line by line what is promised: `stored N`, and `received SEQUENCE` when PUBREL may be sent.
 */

import { writeSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@polylog/base/clock";
import { FileStorage, LevelStateStore } from "@polylog/log/embedded";
import { Delivery } from "../sessions/delivery.ts";
import { DurableSessionStore } from "../sessions/durable-session-store.ts";
import { SessionMessage } from "../sessions/session-message.ts";

const directory = process.argv[2]!;
const state = new LevelStateStore(join(directory, "state"));
await state.open();
const store = new DurableSessionStore({
  storage: new FileStorage(join(directory, "sessions")),
  state,
  clock: systemClock,
  limits: { messagesMax: 1_000_000, bytesMax: 2 ** 40, whenFull: "refuse" },
  segmentSizeMax: 256 * 1024,
});
await store.open();
const away = store.get("away") ?? (await store.create("away", Buffer.alloc(0)));
const here = store.get("here") ?? (await store.create("here", Buffer.alloc(0)));

const message = new SessionMessage();
const stored = {
  onDurable: (number: number): void => {
    writeSync(1, `stored ${number}\n`);
    publish();
  },
};

let next = away.queuedCount;
function publish(): void {
  const number = next++;
  message.begin();
  message.qos = 2;
  message.topic = Buffer.from("a/b");
  message.payload = Buffer.from(`${number} ${"x".repeat((number * 37) % 500)}`);
  message.payloadStart = 0;
  message.payloadEnd = message.payload.length;
  message.addRecipient(away, 2);
  message.addRecipient(here, 2);
  store.append(message, stored, number);
}

const delivery = new Delivery();
const received = {
  onDurable: (sequence: number): void => {
    writeSync(1, `received ${sequence}\n`);
    if (sequence % 3 === 0) here.finish(sequence);
    if (here.inFlightCount > 1000) for (let old = sequence - 1000; old > sequence - 1100; old--) here.finish(old);
  },
};
here.attach({
  onDeliverable: () => {
    for (
      let outcome = here.next(delivery);
      outcome === "message" || outcome === "release";
      outcome = here.next(delivery)
    )
      if (outcome === "release") here.finish(delivery.sequence);
      else here.received(delivery.sequence, received, delivery.sequence);
  },
});
for (let publishers = 0; publishers < 8; publishers++) publish();
setInterval(() => undefined, 60_000); // Nothing else keeps the process while it waits for a turn.
