import assert from "node:assert/strict";
import { test } from "node:test";
import { type Publication, type Subscriber, Subscription } from "../publication.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { busContract } from "./bus.contract.ts";
import { MemoryBusHub } from "./memory-bus.ts";

busContract({
  name: "in memory",
  join: (count) => {
    const hub = new MemoryBusHub();
    return Array.from({ length: count }, () => hub.join());
  },
  settle: () => Promise.resolve(),
});

const nobodyWaits = { onDurable: () => undefined };

class Listener implements Subscriber {
  readonly received: string[] = [];

  onPublication({ route, payload, payloadStart, payloadEnd }: Publication): void {
    this.received.push(`${route.topic} ${payload.toString("utf8", payloadStart, payloadEnd)}`);
  }
}

async function startTwo(): Promise<[MemoryBroker, MemoryBroker]> {
  const hub = new MemoryBusHub();
  return [await MemoryBroker.start({ bus: hub.join() }), await MemoryBroker.start({ bus: hub.join() })];
}

function listen(memory: MemoryBroker, filter: string): Listener {
  const listener = new Listener();
  memory.broker.router.subscribe(filter, listener, new Subscription(listener, filter, { qos: 1 }));
  return listener;
}

test("subscribers of one node get what is produced on another", async () => {
  const [here, there] = await startTwo();
  const listeners = [listen(here, "#"), listen(there, "#")];
  const bytes = Buffer.from("1");
  here.broker.produce(here.broker.catalog.ensure("orders"), bytes, 0, 1, nobodyWaits, 0);
  await here.run();
  assert.deepEqual(
    listeners.map(({ received }) => received),
    [["orders 1"], ["orders 1"]],
  );
});

test("what came by the bus is not captured again", async () => {
  const [here, there] = await startTwo();
  there.broker.catalog.ensure("orders");
  const bytes = Buffer.from("1");
  here.broker.produce(here.broker.catalog.ensure("orders"), bytes, 0, 1, nobodyWaits, 0);
  await there.run();
  assert.equal(there.broker.catalog.require("orders").partitions[0]!.nextOffset, 0);
});
