import assert from "node:assert/strict";
import { test } from "node:test";
import { Publisher, Receiver, SessionRig } from "../testing/session-rig.ts";

const none = Buffer.alloc(0);
const filler = "x".repeat(100);

async function start(options = {}) {
  const rig = new SessionRig({ extentSizeMax: 2000, extentsKept: 2, recentRecordsSizeMax: 0, ...options });
  const store = await rig.open();
  const [away, here] = [await store.create("away", none), await store.create("here", none)];
  const publisher = new Publisher();
  const receiver = new Receiver(here);
  return { rig, store, away, here, publisher, receiver };
}

async function cleaned(rig: SessionRig): Promise<void> {
  const cleaning = rig.store.clean();
  for (let i = 0; i < 20; i++) await rig.run();
  await cleaning;
}

test("removes what nobody waits for", async () => {
  const { rig, store, here, publisher, receiver } = await start();
  for (let i = 0; i < 100; i++) publisher.publish(store, filler, here);
  await rig.run();
  receiver.finishAll();
  const before = store.storedBytes;
  await cleaned(rig);
  assert.ok(before > 10_000 && store.storedBytes < 2500, `${store.storedBytes} of ${before}`);
  assert.ok(rig.trimmedTo > 80);
});

test("lets a session that stays away keep its own messages only", async () => {
  const { rig, store, away, here, publisher, receiver } = await start();
  const kept: string[] = [];
  for (let round = 0; round < 20; round++) {
    kept.push(`kept ${round}`);
    publisher.publish(store, `kept ${round}`, away, { qos: 2 });
    for (let i = 0; i < 50; i++) publisher.publish(store, filler, here);
    await rig.run();
    receiver.finishAll();
    await cleaned(rig);
    assert.ok(store.storedBytes < 20_000, `${store.storedBytes}`);
  }
  assert.ok(rig.trimmedTo > 900);
  await rig.crash("power");
  const receivers = new Receiver(rig.store.get("away")!);
  await rig.run();
  assert.deepEqual(
    receivers.received,
    kept.map((text) => `${text}?`),
  );
  assert.deepEqual(receivers.sequences, [...kept.keys()]);
});

test("leaves a log alone that is needed", async () => {
  const { rig, store, away, publisher } = await start();
  for (let i = 0; i < 60; i++) publisher.publish(store, filler, away);
  await rig.run();
  const before = store.storedBytes;
  // Having grown is a reason to look behind what is oldest, once.
  await cleaned(rig);
  const moved = store.storedBytes - before;
  assert.ok(moved <= 2000, `${moved}`);
  await cleaned(rig);
  assert.equal(store.storedBytes - before, moved);
  assert.equal(away.queuedCount, 60);
});

test("moves what is in flight, and not what is released", async () => {
  const { rig, store, away, here, publisher, receiver } = await start();
  for (const text of ["0", "1", "2"]) publisher.publish(store, text, away, { qos: 2 });
  new Receiver(away, 2);
  await rig.run();
  away.received(0, { onDurable: () => undefined }, 0);
  for (let i = 0; i < 100; i++) publisher.publish(store, filler, here);
  await rig.run();
  receiver.finishAll();
  await cleaned(rig);
  assert.ok(rig.trimmedTo > 10);
  const again = new Receiver(away);
  await rig.run();
  assert.deepEqual(again.received, ["release 0", "1!", "2"]);
});

test("survives a crash at any step of a move", async () => {
  for (let steps = 0; steps < 40; steps++)
    for (const of of ["process", "power"] as const) {
      const { rig, store, away, here, publisher, receiver } = await start({ durability: "synced" });
      const kept: string[] = [];
      for (let i = 0; i < 100; i++) {
        const isKept = i % 10 === 0;
        if (isKept) kept.push(`kept ${i}`);
        publisher.publish(store, isKept ? `kept ${i}` : filler, isKept ? away : here);
      }
      await rig.run();
      receiver.finishAll();
      rig.storage.manual = true;
      void store.clean();
      for (let i = 0; i < steps; i++) {
        rig.clock.turn();
        rig.storage.complete(1);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await rig.crash(of, steps, (steps % 8) / 8);
      const receivers = new Receiver(rig.store.get("away")!);
      await rig.run();
      const wanted = kept.map((text) => `${text}?`);
      assert.deepEqual(receivers.received, wanted, `${of} after ${steps} steps`);
      const others = new Receiver(rig.store.get("here")!);
      await rig.run();
      receivers.finishAll();
      others.finishAll();
      await cleaned(rig);
      assert.ok(rig.store.storedBytes < 5000);
    }
});
