import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { ManualClock } from "../clock/index.ts";
import { type ByteStream, Connection, TurnFlusher } from "./index.ts";

class FakeStream extends EventEmitter implements ByteStream {
  writableLength = 0;
  copiesWritten = false;
  readonly events: string[] = [];

  write(bytes: Uint8Array): boolean {
    this.events.push(`write ${Buffer.from(bytes)}`);
    return true;
  }
  cork(): void {}
  uncork(): void {}
  end(): void {
    this.events.push("end");
  }
  destroy(): void {
    this.events.push("destroy");
    this.emit("close");
  }
  pause(): void {
    this.events.push("pause");
  }
  resume(): void {
    this.events.push("resume");
  }
}

function open() {
  const clock = new ManualClock();
  const stream = new FakeStream();
  const connection = new Connection(stream, clock, new TurnFlusher(clock));
  const heard: string[] = [];
  connection.start({
    onChunk: (chunk) => heard.push(`chunk ${chunk}`),
    onClose: (error) => heard.push(`close ${error?.message ?? "-"}`),
    onDrain: () => heard.push("drain"),
  });
  return { clock, stream, connection, heard };
}

test("hands chunks on until it ends", () => {
  const { stream, connection, heard } = open();
  stream.emit("data", Buffer.from("a"));
  connection.end();
  stream.emit("data", Buffer.from("b"));
  assert.deepEqual(heard, ["chunk a"]);
  assert.equal(connection.bytesRead, 2);
});

test("sends what is queued before it ends", () => {
  const { stream, connection } = open();
  connection.output.push(Buffer.from("bye"), 0, 3);
  connection.end();
  assert.deepEqual(stream.events, ["write bye", "end", "resume"]);
  assert.equal(connection.status, "ending");
});

test("does not wait for a peer that waits for nothing", () => {
  const { stream, connection, heard } = open();
  stream.copiesWritten = true;
  connection.output.push(Buffer.from("bye"), 0, 3);
  connection.endAtOnce();
  connection.endAtOnce();
  assert.deepEqual(stream.events, ["write bye", "destroy"]);
  assert.deepEqual([heard, connection.status], [["close -"], "closed"]);
});

for (const [what, copiesWritten, writableLength] of [
  ["has not taken", true, 1],
  ["may not have taken", false, 0],
] as const)
  test(`ends as ever what the operating system ${what}`, () => {
    const { stream, connection } = open();
    Object.assign(stream, { copiesWritten, writableLength });
    connection.endAtOnce();
    assert.deepEqual([stream.events, connection.status], [["end", "resume"], "ending"]);
  });

test("destroys a peer that does not go within the linger time", () => {
  const { clock, stream, connection, heard } = open();
  connection.end();
  clock.advance(1999);
  assert.equal(stream.events.includes("destroy"), false);
  clock.advance(1);
  assert.equal(stream.events.at(-1), "destroy");
  assert.deepEqual(heard, ["close -"]);
});

test("tells its handler once that it is closed, and why", () => {
  const { stream, connection, heard } = open();
  stream.emit("error", new Error("reset"));
  connection.destroy();
  stream.emit("close");
  assert.deepEqual(heard, ["close reset"]);
  assert.equal(connection.status, "closed");
});

test("tells its handler when everything was sent", () => {
  const { stream, heard } = open();
  stream.emit("drain");
  assert.deepEqual(heard, ["drain"]);
});

test("does not resume what is ending", () => {
  const { stream, connection } = open();
  connection.pause();
  connection.end();
  connection.resume();
  assert.deepEqual(stream.events, ["pause", "end", "resume"]);
});

test("ends when the peer has sent its last byte", () => {
  const { stream, connection } = open();
  stream.emit("end");
  assert.equal(connection.status, "ending");
});
