import assert from "node:assert/strict";
import { test } from "node:test";
import { Publisher, Receiver, SessionRig } from "../testing/session-rig.ts";
import type { StoredSession } from "./stored-session.ts";

const none = Buffer.alloc(0);

test("reads once for all sessions that want the same", async () => {
  const rig = new SessionRig();
  const store = await rig.open();
  const sessions: StoredSession[] = [];
  for (let i = 0; i < 300; i++) sessions.push(await store.create(`client ${i}`, none));
  const publisher = new Publisher();
  for (let i = 0; i < 5; i++)
    publisher.publish(
      store,
      `${i}`,
      sessions.map((session) => [session, 1] as const),
    );
  const next = await rig.restart();
  let reads = 0;
  const read = next.log.readChunk.bind(next.log);
  next.log.readChunk = (offset, size) => {
    reads++;
    return read(offset, size);
  };
  const receivers = [...next.sessions()].map((session) => new Receiver(session));
  await rig.run();
  await rig.run();
  for (const { received } of receivers) assert.deepEqual(received, ["0", "1", "2", "3", "4"]);
  assert.equal(reads, 1);
});

test("lets few read at a time, and everybody in the end", async () => {
  const rig = new SessionRig({ recentRecordsSizeMax: 0, segmentSizeMax: 64 * 1024 });
  const store = await rig.open();
  const publisher = new Publisher();
  const count = 60;
  for (let i = 0; i < count; i++) {
    const session = await store.create(`client ${i}`, none);
    publisher.publish(store, `${i}`.padEnd(60_000), session);
    await rig.run();
  }
  const next = await rig.restart();
  let [reading, readingMost] = [0, 0];
  const read = next.log.readChunk.bind(next.log);
  next.log.readChunk = async (offset, size) => {
    readingMost = Math.max(readingMost, ++reading);
    return read(offset, size).finally(() => reading--);
  };
  const receivers = [...next.sessions()].map((session) => new Receiver(session));
  next.get("client 30")!.detach();
  for (let i = 0; i < 10; i++) await rig.run();
  for (const [i, { received }] of receivers.entries()) assert.equal(received.length, i === 30 ? 0 : 1, `${i}`);
  assert.ok(readingMost <= 4, `${readingMost}`);
});
