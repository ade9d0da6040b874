/** `bus.ts` as tests; every bus runs it. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Bus, BusMessage } from "./bus.ts";

export interface BusContractOptions {
  readonly name: string;
  /** Buses of `count` nodes of one cluster, not started. */
  join(count: number): readonly Bus[];
  /** Resolves when what was published has arrived. */
  settle(): Promise<void>;
}

/** Registers the tests. */
export function busContract({ name, join, settle }: BusContractOptions): void {
  describe(`${name} bus`, () => {
    it("tells every other node once, in order, and never its own", async () => {
      const nodes = await startNodes(join(3));
      for (const text of ["a", "b", "c"]) nodes[0]!.bus.publish(messageOf("t", text));
      await settle();
      assert.deepEqual(
        nodes.map(({ received }) => received),
        [[], ["t a", "t b", "t c"], ["t a", "t b", "t c"]],
      );
      for (const { bus } of nodes) await bus.stop();
    });

    it("lends bytes for the call only", async () => {
      const nodes = await startNodes(join(2));
      const message = messageOf("t", "before");
      nodes[0]!.bus.publish(message);
      message.payload.fill("x");
      await settle();
      assert.deepEqual(nodes[1]!.received, ["t before"]);
      for (const { bus } of nodes) await bus.stop();
    });

    it("tells nobody who has stopped, and knows when it is alone", async () => {
      const nodes = await startNodes(join(2));
      assert.equal(nodes[0]!.bus.hasPeers, true);
      await nodes[1]!.bus.stop();
      await settle();
      assert.equal(nodes[0]!.bus.hasPeers, false);
      nodes[0]!.bus.publish(messageOf("t", "a"));
      await settle();
      assert.deepEqual(nodes[1]!.received, []);
      await nodes[0]!.bus.stop();
    });
  });
}

async function startNodes(buses: readonly Bus[]): Promise<{ bus: Bus; received: string[] }[]> {
  const nodes = buses.map((bus) => ({ bus, received: [] as string[] }));
  for (const { bus, received } of nodes)
    await bus.start({
      onBusMessage: ({ topic, payload, payloadStart, payloadEnd }) => {
        received.push(`${Buffer.from(topic)} ${payload.toString("utf8", payloadStart, payloadEnd)}`);
      },
    });
  return nodes;
}

function messageOf(topic: string, payload: string): BusMessage {
  const bytes = Buffer.from(payload);
  return {
    topic: Buffer.from(topic),
    payload: bytes,
    payloadStart: 0,
    payloadEnd: bytes.length,
    qos: 1,
    retain: false,
  };
}
