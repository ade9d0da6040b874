import assert from "node:assert/strict";
import { test } from "node:test";
import { ignored, Publisher, Receiver, SessionRig } from "../testing/session-rig.ts";
import type { StoredSession } from "./stored-session.ts";

const none = Buffer.alloc(0);

function names(sessions: Iterable<StoredSession>): string[] {
  return [...sessions].map((session) => `${session.number} ${session.clientId}`);
}

for (const how of ["restart", "crash"] as const) {
  const again = (rig: SessionRig) => (how === "restart" ? rig.restart() : rig.crash("process"));

  test(`keeps sessions and their metadata over a ${how}`, async () => {
    const rig = new SessionRig();
    const store = await rig.open();
    const b = await store.create("b", Buffer.from("of b"));
    const a = await store.create("a", Buffer.from("of a"));
    await store.saveMetadata(b, Buffer.from("new of b"));
    const gone = await store.create("gone", none);
    await store.delete(gone);
    a.expiresAtMs = 12_345;
    await rig.advance(100);
    const next = await again(rig);
    assert.deepEqual(names(next.sessions()), ["0 b", "1 a"]);
    assert.equal((await next.readMetadata(next.get("b")!)).toString(), "new of b");
    assert.equal((await next.readMetadata(next.get("a")!)).toString(), "of a");
    assert.equal(next.get("a")?.expiresAtMs, 12_345);
    assert.equal((await next.create("c", none)).number, 3);
  });

  test(`keeps what waits over a ${how}`, async () => {
    const rig = new SessionRig({ segmentSizeMax: 4096 });
    const store = await rig.open();
    const [a, b] = [await store.create("a", none), await store.create("b", none)];
    const publisher = new Publisher();
    const texts = Array.from({ length: 2000 }, (_, i) => `message ${i}`);
    for (const [i, text] of texts.entries()) {
      publisher.publish(
        store,
        text,
        i % 3 === 0
          ? [
              [a, 1],
              [b, 2],
            ]
          : a,
      );
      if (i % 100 === 0) await rig.advance(60);
    }
    await rig.run();
    assert.equal(publisher.acknowledged.length, 2000);
    const next = await again(rig);
    const [first, second] = [new Receiver(next.get("a")!), new Receiver(next.get("b")!)];
    await rig.run();
    await rig.run();
    // After a crash nobody knows that none was sent.
    const wanted = how === "restart" ? texts : texts.map((text) => `${text}?`);
    assert.deepEqual(first.received, wanted);
    assert.deepEqual(
      second.received,
      wanted.filter((_, i) => i % 3 === 0),
    );
    assert.equal(next.queuedCount, 2000 + second.received.length);
    first.finishAll();
    second.finishAll();
    assert.deepEqual([next.queuedCount, next.queuedBytes], [0, 0]);
  });

  test(`knows PUBREC and PUBREL after a ${how}`, async () => {
    const rig = new SessionRig();
    const store = await rig.open();
    const [a, from] = [await store.create("a", none), await store.create("from", none)];
    const publisher = new Publisher();
    for (const packetIdentifier of [1, 2, 3])
      publisher.publish(store, `m${packetIdentifier}`, a, { qos: 2, publisher: from, packetIdentifier });
    new Receiver(a);
    await rig.run();
    a.received(1, ignored, 0);
    from.release(2, ignored, 0);
    await rig.run();
    const next = await again(rig);
    const publishers = next.get("from")!;
    assert.deepEqual(
      [1, 2, 3].map((id) => publishers.isReceived(id)),
      [true, false, true],
    );
    assert.deepEqual([publishers.inboundNumber(3), publishers.inboundNext], [2, 3]);
    const receiver = new Receiver(next.get("a")!);
    await rig.run();
    // A crash forgets that the third was sent, not that it may have been; it has its identifier still.
    const third = how === "restart" ? "m3!" : "m3?";
    assert.deepEqual(receiver.received, ["m1!", "release 1", third]);
    assert.deepEqual(receiver.sequences, [0, 1, 2]);
  });
}

test("has nothing of its own for a session that nothing happened to", async () => {
  const rig = new SessionRig();
  const store = await rig.open();
  const [quiet, busy] = [await store.create("quiet", none), await store.create("busy", none)];
  for (const session of [quiet, busy]) {
    const receiver = new Receiver(session);
    assert.notEqual(session.activity, store.idle, "it has a listener");
    if (session === busy) new Publisher().publish(store, "m", session);
    await rig.run();
    receiver.finishAll();
    session.detach();
    session.expiresAtMs = 99_000;
  }
  assert.equal(quiet.activity, store.idle);
  assert.notEqual(busy.activity, store.idle, "the next sequence is to be remembered");
  await rig.advance(100);
  const next = await rig.restart();
  assert.equal(next.get("quiet")!.activity, next.idle);
  assert.deepEqual([next.get("busy")!.activity.queue.next, next.idle.queue.next], [1, 0]);
  assert.ok(next.idle.isBlank);
});

test("forgets no more than 100 ms of answers", async () => {
  const rig = new SessionRig();
  const store = await rig.open();
  const session = await store.create("a", none);
  const publisher = new Publisher();
  for (const text of ["1", "2", "3", "4"]) publisher.publish(store, text, session);
  new Receiver(session);
  await rig.run();
  session.finish(0);
  session.finish(2);
  await rig.advance(100);
  session.finish(1);
  const receiver = new Receiver((await rig.crash("process")).get("a")!);
  await rig.run();
  assert.deepEqual(receiver.received, ["2!", "4!"]);
});

test("MQTT-3.3.1-1 v5, MQTT-3.3.1-1 v3: what waited at a crash may have been sent, also after a clean stop", async () => {
  const rig = new SessionRig();
  const store = await rig.open();
  const publisher = new Publisher();
  const session = await store.create("a", none);
  for (const text of ["1", "2", "3"]) publisher.publish(store, text, session);
  await rig.advance(100);
  let sent = new Receiver(session, 1);
  await rig.run();
  assert.deepEqual(sent.received, ["1"]);
  publisher.publish(await rig.crash("process"), "4", rig.store.get("a")!);
  await rig.run();
  await rig.restart();
  sent = new Receiver(rig.store.get("a")!, 2);
  await rig.run();
  assert.deepEqual(sent.received, ["1?", "2?"]);
  sent.finishAll();
  await rig.restart();
  publisher.publish(rig.store, "5", rig.store.get("a")!);
  sent = new Receiver(rig.store.get("a")!);
  await rig.run();
  assert.deepEqual(sent.received, ["3?", "4", "5"]);
});

test("saves full pages once and removes them when they are sent", async () => {
  const rig = new SessionRig();
  const store = await rig.open();
  const session = await store.create("a", none);
  const publisher = new Publisher();
  for (let i = 0; i < 2000; i++) publisher.publish(store, `${i}`, session);
  await rig.run();
  const pages = async (): Promise<string[]> => {
    const flushed = store.flush();
    await rig.run();
    await flushed;
    const keys: string[] = [];
    for await (const [key] of rig.state.entries("session-queue/")) keys.push(key.slice(key.lastIndexOf("/") + 1));
    return keys.map((key) => (key === "~" ? key : String(Number(key))));
  };
  assert.deepEqual(await pages(), ["0", "1", "2", "~"]);
  const receiver = new Receiver(session, 600);
  await rig.run();
  assert.deepEqual(await pages(), ["1", "2", "~"]);
  receiver.finishAll();
  const next = await rig.restart();
  const last = new Receiver(next.get("a")!);
  await rig.run();
  assert.deepEqual([last.received.length, last.received[0], last.received.at(-1)], [1400, "600", "1999"]);
  last.finishAll();
  await next.delete(next.get("a")!);
  const left: string[] = [];
  for await (const [key] of rig.state.entries("session")) left.push(key);
  assert.deepEqual(left, ["session-log", "session-numbers"]);
});

test("says so when a message cannot become durable", async () => {
  const rig = new SessionRig();
  const store = await rig.open();
  const session = await store.create("a", none);
  const publisher = new Publisher();
  const receiver = new Receiver(session);
  rig.storage.failAt("write", 1);
  publisher.publish(store, "m", session);
  await rig.run();
  assert.deepEqual([publisher.acknowledged, publisher.failed], [[], ["log.PARTITION_READ_ONLY"]]);
  assert.deepEqual(receiver.received, []);
  assert.throws(() => publisher.publish(store, "n", session), { code: "log.PARTITION_READ_ONLY" });
  assert.equal(session.queuedCount, 1);
});

test("tries a failed read again and gives up on damage", async () => {
  const rig = new SessionRig({ recentRecordsSizeMax: 0, segmentSizeMax: 4096 });
  let store = await rig.open();
  const publisher = new Publisher();
  await store.create("a", none);
  for (let i = 0; i < 40; i++) {
    publisher.publish(store, `${i} ${"x".repeat(200)}`, store.get("a")!);
    await rig.run();
  }
  store = await rig.restart();
  rig.storage.failAt("read", 1);
  const receiver = new Receiver(store.get("a")!);
  await rig.run();
  assert.equal(receiver.received.length, 0);
  await rig.advance(1000);
  assert.equal(receiver.received.length, 40);
  assert.equal(store.counters.fromDisk, 40);
  assert.equal(store.counters.damaged, 0);
});

test("bounds the whole session log", async () => {
  const rig = new SessionRig({ logBytesMax: 1000 });
  const store = await rig.open();
  const session = await store.create("a", none);
  const publisher = new Publisher();
  publisher.publish(store, "x".repeat(1000), session);
  assert.throws(() => publisher.publish(store, "y", session), { code: "broker.SESSION_LOG_FULL" });
  publisher.publish(store, "z", [], { qos: 2, publisher: session, packetIdentifier: 1 });
  await rig.run();
  assert.deepEqual(publisher.acknowledged.length, 2);
});

test("goes on when a power cut took what was only written", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const rig = new SessionRig({ syncIntervalMs: 1_000_000 });
    const store = await rig.open();
    const publisher = new Publisher();
    const session = await store.create("a", none);
    for (let i = 0; i < 20; i++) publisher.publish(store, `before ${i}`, session, { qos: 2 });
    new Receiver(session, 5);
    await rig.advance(100);
    const saved = store.flush();
    await rig.run();
    await saved;
    await rig.crash("power", seed, 0.999);
    const again = rig.store.get("a");
    if (again === undefined) continue; // Its creation was not synced either.
    publisher.publish(rig.store, "after", again);
    await rig.run();
    assert.ok(publisher.acknowledged.includes("after"));
    await rig.crash("process", seed);
    const receiver = new Receiver(rig.store.get("a")!);
    await rig.run();
    assert.equal(receiver.received.at(-1), "after?");
    // Identifiers that the client may have seen are not used for another message.
    assert.ok(receiver.sequences.at(-1)! >= 20, `${receiver.sequences}`);
    receiver.finishAll();
    assert.equal(rig.store.queuedCount, 0);
  }
});
