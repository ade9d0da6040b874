/** What every `SessionStore` does, as tests. Register with `sessionStoreContract`; see `session-store.test.ts`. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ManualClock } from "@polylog/base/clock";
import { ignored, Publisher, Receiver } from "../testing/session-rig.ts";
import { Delivery } from "./delivery.ts";
import type { SessionStore } from "./session-store.ts";
import { packetIdentifierOf } from "./stored-session.ts";

export interface SessionStoreRig {
  /** Open, without sessions, with wide limits. */
  readonly store: SessionStore;
  readonly clock: ManualClock;
  /** Lets everything happen that needs no time. */
  run(): Promise<void>;
}

export interface SessionStoreContractOptions {
  /** Put before every test name. */
  readonly name: string;
  create(context: TestContext): Promise<SessionStoreRig>;
}

export function sessionStoreContract({ name, create }: SessionStoreContractOptions): void {
  for (const [title, body] of Object.entries({
    ...sessions,
    ...delivery,
    ...answers,
    ...limits,
    ...expiry,
    ...inbound,
  }))
    test(`${name}: ${title}`, async (context) => body(await create(context)));
}

type ContractTests = Readonly<Record<string, (rig: SessionStoreRig) => Promise<void>>>;

const none = Buffer.alloc(0);

const sessions: ContractTests = {
  "finds a session that was created": async ({ store }) => {
    assert.equal(store.get("a"), undefined);
    const session = await store.create("a", Buffer.from("meta"));
    assert.equal(store.get("a"), session);
    assert.equal(store.size, 1);
    assert.deepEqual([...store.sessions()], [session]);
    assert.equal((await store.readMetadata(session)).toString(), "meta");
    await assert.rejects(store.create("a", none), { code: "broker.SESSION_EXISTS" });
  },

  "replaces a session's metadata": async ({ store }) => {
    const session = await store.create("a", Buffer.from("one"));
    await store.saveMetadata(session, Buffer.from("two"));
    assert.equal((await store.readMetadata(session)).toString(), "two");
  },

  "deletes a session with its queue": async ({ store, run }) => {
    const session = await store.create("a", none);
    new Publisher().publish(store, "m", session);
    await store.delete(session);
    await store.delete(session);
    assert.equal(session.exists, false);
    assert.equal(store.get("a"), undefined);
    assert.deepEqual([store.queuedCount, store.queuedBytes, store.counters.deletedWithSession], [0, 0, 1]);
    const again = await store.create("a", none);
    assert.notEqual(again.number, session.number);
    new Publisher().publish(store, "late", session);
    const receiver = new Receiver(again);
    await run();
    assert.deepEqual(receiver.received, []);
  },

  "lists sessions that have expired": async ({ store, clock }) => {
    const [early, late] = [await store.create("early", none), await store.create("late", none)];
    await store.create("never", none);
    early.expiresAtMs = clock.nowMs() + 10;
    late.expiresAtMs = clock.nowMs() + 20;
    assert.deepEqual(store.expiredSessions(clock.nowMs()), []);
    assert.deepEqual(store.expiredSessions(clock.nowMs() + 10), [early]);
    assert.deepEqual(store.expiredSessions(clock.nowMs() + 30), [early, late]);
  },
};

const delivery: ContractTests = {
  "gives a message back as it came": async ({ store, run, clock }) => {
    const session = await store.create("a", none);
    const other = await store.create("b", none);
    const publisher = new Publisher();
    const { message } = publisher;
    const expiresAtMs = clock.nowMs() + 5000;
    Object.assign(message, { qos: 2, flags: 200, expiresAtMs, topic: Buffer.from("t/1") });
    Object.assign(message, { properties: Buffer.from("xpropsx"), propertiesStart: 1, propertiesEnd: 6 });
    Object.assign(message, { payload: Buffer.from("<hello>"), payloadStart: 1, payloadEnd: 6 });
    message.addRecipient(other, 2, Buffer.from("other"));
    message.addRecipient(session, 1, Buffer.from("own"));
    store.append(message, undefined, 0);
    message.payload.fill(0);
    const got = new Delivery();
    let outcome = "";
    const onDeliverable = (): void => {
      outcome = session.next(got);
    };
    session.attach({ onDeliverable });
    await run();
    assert.equal(outcome, "message");
    const text = (start: number, end: number) => got.bytes.toString("utf8", start, end);
    assert.deepEqual(
      [got.sequence, got.packetIdentifier, got.qos, got.messageQos, got.flags, got.expiresAtMs, got.repeated],
      [0, 1, 1, 2, 200, expiresAtMs, false],
    );
    assert.equal(text(got.topicStart, got.topicEnd), "t/1");
    assert.equal(text(got.propertiesStart, got.propertiesEnd), "props");
    assert.equal(text(got.payloadStart, got.payloadEnd), "hello");
    assert.equal(text(got.recipientStart, got.recipientEnd), "own");
  },

  "delivers in order to whoever attached first or later": async ({ store, run }) => {
    const session = await store.create("a", none);
    const publisher = new Publisher();
    for (const text of ["1", "2", "3"]) publisher.publish(store, text, session);
    const receiver = new Receiver(session);
    assert.deepEqual(receiver.received, []);
    await run();
    publisher.publish(store, "4", session);
    assert.deepEqual(receiver.received, ["1", "2", "3"]);
    await run();
    assert.deepEqual(receiver.received, ["1", "2", "3", "4"]);
    assert.deepEqual(publisher.acknowledged, ["1", "2", "3", "4"]);
    assert.deepEqual(receiver.sequences, [0, 1, 2, 3]);
  },

  "delivers a message to each of its sessions": async ({ store, run }) => {
    const all = [];
    for (let i = 0; i < 20; i++) all.push(await store.create(`client ${i}`, none));
    const to = all.toReversed().map((session, i) => [session, (i % 3) as 0 | 1 | 2] as const);
    new Publisher().publish(store, "m", to);
    const receivers = all.map((session) => new Receiver(session));
    await run();
    for (const receiver of receivers) assert.deepEqual(receiver.received, ["m"]);
    assert.equal(store.queuedCount, 13);
  },

  "is done with QoS 0 when it is given": async ({ store, run }) => {
    const session = await store.create("a", none);
    new Publisher().publish(store, "m", session, { qos: 0 });
    assert.equal(session.queuedCount, 1);
    const receiver = new Receiver(session);
    await run();
    assert.deepEqual([receiver.received, session.queuedCount, store.counters.finished], [["m"], 0, 1]);
  },

  "tells only the listener attached last": async ({ store, run }) => {
    const session = await store.create("a", none);
    const first = new Receiver(session);
    const second = new Receiver(session);
    new Publisher().publish(store, "1", session);
    await run();
    session.detach();
    new Publisher().publish(store, "2", session);
    await run();
    assert.deepEqual([first.received, second.received], [[], ["1"]]);
    assert.equal(session.next(new Delivery()), "none");
  },

  "acknowledges a message that nobody waits for": async ({ store }) => {
    const publisher = new Publisher();
    publisher.publish(store, "m", []);
    assert.deepEqual(publisher.acknowledged, ["m"]);
    assert.equal(store.storedBytes, 0);
  },
};

const answers: ContractTests = {
  "finishes in any order, once": async ({ store, run }) => {
    const session = await store.create("a", none);
    const publisher = new Publisher();
    for (const text of ["1", "2", "3"]) publisher.publish(store, text, session);
    const receiver = new Receiver(session, 2);
    await run();
    assert.deepEqual([session.queuedCount, session.inFlightCount], [3, 2]);
    assert.equal(session.finish(1), true);
    assert.equal(session.finish(1), false);
    assert.equal(session.finish(2), false);
    assert.deepEqual([session.queuedCount, session.inFlightCount], [2, 1]);
    assert.equal(session.finish(0), true);
    receiver.sequences.length = 0;
    receiver.take();
    assert.deepEqual(receiver.received, ["1", "2", "3"]);
    receiver.finishAll();
    assert.deepEqual([session.queuedCount, session.queuedBytes, store.queuedBytes], [0, 0, 0]);
  },

  "repeats what is in flight to the next connection": async ({ store, run }) => {
    const session = await store.create("a", none);
    const publisher = new Publisher();
    for (const text of ["1", "2", "3", "4"]) publisher.publish(store, text, session);
    new Receiver(session, 3);
    await run();
    session.finish(1);
    session.detach();
    const receiver = new Receiver(session);
    await run();
    assert.deepEqual(receiver.received, ["1!", "3!", "4"]);
    assert.deepEqual(receiver.sequences, [0, 2, 3]);
  },

  "repeats PUBREL, not PUBLISH, after PUBREC": async ({ store, run }) => {
    const session = await store.create("a", none);
    const publisher = new Publisher();
    publisher.publish(store, "1", session, { qos: 2 });
    publisher.publish(store, "2", session, { qos: 2 });
    new Receiver(session);
    await run();
    session.received(0, ignored, 0);
    session.received(0, ignored, 0);
    session.received(7, ignored, 0);
    session.detach();
    const receiver = new Receiver(session);
    await run();
    assert.deepEqual(receiver.received, ["release 0", "2!"]);
    assert.equal(session.finish(0), true);
    assert.equal(session.queuedCount, 1);
  },

  "never has one packet identifier in flight twice": async ({ store, run }) => {
    const session = await store.create("a", none);
    const publisher = new Publisher();
    const receiver = new Receiver(session);
    const inFlight = new Set<number>();
    for (let i = 0; i < 65_600; i++) {
      publisher.publish(store, "m", session);
      if (i % 1000 === 0) await run();
      while (receiver.sequences.length > 1) {
        const sequence = receiver.sequences.pop()!;
        assert.equal(inFlight.has(packetIdentifierOf(sequence)), false);
        session.finish(sequence);
      }
    }
    await run();
    assert.equal(receiver.received.length, 65_535);
    session.finish(0);
    receiver.take();
    await run();
    assert.equal(receiver.received.length, 65_600);
  },
};

const limits: ContractTests = {
  "drops the oldest that was not sent": async ({ store, run }) => {
    store.limits = { messagesMax: 3, bytesMax: 1000, whenFull: "drop-oldest" };
    const session = await store.create("a", none);
    const receiver = new Receiver(session, 1);
    const publisher = new Publisher();
    publisher.publish(store, "0", session);
    await run();
    for (const text of ["1", "2", "3", "4"]) publisher.publish(store, text, session);
    assert.deepEqual([session.queuedCount, session.droppedCount, store.counters.droppedOldest], [3, 2, 2]);
    for (let i = 0; i < 3; i++) {
      receiver.finishAll();
      receiver.take();
      await run();
    }
    assert.deepEqual(receiver.received, ["0", "3", "4"]);
  },

  "drops the new one when everything is in flight": async ({ store, run }) => {
    store.limits = { messagesMax: 2, bytesMax: 1000, whenFull: "drop-oldest" };
    const session = await store.create("a", none);
    const publisher = new Publisher();
    new Receiver(session);
    for (const text of ["0", "1"]) publisher.publish(store, text, session);
    await run();
    publisher.publish(store, "2", session);
    assert.deepEqual([session.droppedCount, store.counters.droppedNewest, session.queuedCount], [1, 1, 2]);
    assert.ok(publisher.acknowledged.includes("2"));
  },

  "drops the new one when told to": async ({ store, run }) => {
    store.limits = { messagesMax: 2, bytesMax: 1000, whenFull: "drop-newest" };
    const [full, roomy] = [await store.create("a", none), await store.create("b", none)];
    const publisher = new Publisher();
    for (const text of ["0", "1"]) publisher.publish(store, text, full);
    publisher.publish(store, "2", [
      [full, 1],
      [roomy, 1],
    ]);
    const [first, second] = [new Receiver(full), new Receiver(roomy)];
    await run();
    assert.deepEqual([first.received, second.received, full.droppedCount], [["0", "1"], ["2"], 1]);
  },

  "refuses for all when told to": async ({ store, run }) => {
    store.limits = { messagesMax: 1, bytesMax: 1000, whenFull: "refuse" };
    const [full, roomy] = [await store.create("a", none), await store.create("b", none)];
    const publisher = new Publisher();
    publisher.publish(store, "0", full);
    const both = [
      [roomy, 1],
      [full, 1],
    ] as const;
    assert.throws(() => publisher.publish(store, "1", both), { code: "broker.SESSION_QUEUE_FULL" });
    await run();
    assert.deepEqual([roomy.queuedCount, full.queuedCount, store.counters.refused], [0, 1, 1]);
  },

  "tells beforehand what it would refuse": async ({ store }) => {
    const session = await store.create("a", none);
    store.limits = { messagesMax: 2, bytesMax: 100, whenFull: "drop-oldest" };
    store.admit(session, 60, 2, 120);
    store.limits = { messagesMax: 2, bytesMax: 100, whenFull: "refuse" };
    store.admit(session, 500, 0, 0);
    store.admit(session, 50, 1, 50);
    for (const [size, aheadCount, aheadBytes] of [
      [60, 1, 60],
      [10, 1, 91],
      [10, 2, 20],
    ] as const)
      assert.throws(() => store.admit(session, size, aheadCount, aheadBytes), { code: "broker.SESSION_QUEUE_FULL" });
    assert.deepEqual([session.queuedCount, store.counters.refused], [0, 3]);
    void store.delete(session);
    store.admit(session, 10, 2, 20);
  },

  "bounds bytes, and takes a single large one": async ({ store }) => {
    store.limits = { messagesMax: 1000, bytesMax: 100, whenFull: "drop-newest" };
    const session = await store.create("a", none);
    const publisher = new Publisher();
    publisher.publish(store, "x".repeat(500), session);
    publisher.publish(store, "y", session);
    assert.deepEqual([session.queuedCount, session.droppedCount], [1, 1]);
  },
};

const expiry: ContractTests = {
  "gives out no message that has expired": async ({ store, clock, run }) => {
    const session = await store.create("a", none);
    const publisher = new Publisher();
    publisher.publish(store, "1", session, { expiresAtMs: clock.nowMs() + 300 });
    publisher.publish(store, "2", session, { expiresAtMs: clock.nowMs() + 5000 });
    publisher.publish(store, "3", session, { expiresAtMs: clock.nowMs() + 300 });
    publisher.publish(store, "4", session);
    await run();
    clock.advance(300);
    const receiver = new Receiver(session);
    await run();
    assert.deepEqual([receiver.received, store.counters.expired], [["2", "4"], 2]);
    assert.equal(session.queuedCount, 2);
  },

  "repeats what was sent before it expired": async ({ store, clock, run }) => {
    const session = await store.create("a", none);
    new Publisher().publish(store, "1", session, { qos: 2, expiresAtMs: clock.nowMs() + 300 });
    new Receiver(session);
    await run();
    clock.advance(1000);
    const receiver = new Receiver(session);
    await run();
    assert.deepEqual(receiver.received, ["1!"]);
  },

  "removes what expired at the front": async ({ store, clock, run }) => {
    const [a, b] = [await store.create("a", none), await store.create("b", none)];
    const publisher = new Publisher();
    for (const session of [a, b, a]) publisher.publish(store, "m", session, { expiresAtMs: clock.nowMs() + 1000 });
    publisher.publish(store, "stays", a);
    await run();
    assert.equal(store.removeExpired(clock.nowMs(), 10), 0);
    clock.advance(2000);
    let removed = 0;
    for (let i = 0; i < 4; i++) removed += store.removeExpired(clock.nowMs(), 1);
    assert.deepEqual([removed, a.queuedCount, b.queuedCount, store.counters.expired], [3, 1, 0, 3]);
  },
};

const inbound: ContractTests = {
  "remembers a packet identifier until PUBREL": async ({ store, run }) => {
    const [from, to] = [await store.create("from", none), await store.create("to", none)];
    const publisher = new Publisher();
    publisher.publish(store, "m", to, { qos: 2, publisher: from, packetIdentifier: 9 });
    publisher.publish(store, "n", [], { qos: 2, publisher: from, packetIdentifier: 65_535 });
    assert.deepEqual([from.isReceived(9), from.isReceived(10), from.isReceived(65_535)], [true, false, true]);
    assert.deepEqual([from.inboundNumber(9), from.inboundNumber(65_535), from.inboundNext], [0, 1, 2]);
    from.release(9, ignored, 0);
    from.release(9, ignored, 0);
    assert.deepEqual([from.isReceived(9), from.inboundNumber(9)], [false, undefined]);
    await run();
    assert.deepEqual(publisher.acknowledged, ["m", "n"]);
    const receiver = new Receiver(to);
    await run();
    assert.deepEqual(receiver.received, ["m"]);
  },
};
