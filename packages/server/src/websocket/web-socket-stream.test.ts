import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import type { ByteStream } from "@polylog/base/transport";
import { settle } from "@polylog/testkit";
import { MqttWebSocket } from "./mqtt-web-socket.ts";

/** What the peer would have received. */
class Wire extends Duplex {
  sent: Buffer[] = [];
  writeCount = 0;
  stalled: (() => void) | undefined;
  isStalling = false;

  constructor() {
    super({ highWaterMark: 1000 });
  }
  override _read(): void {}
  override _writev(chunks: { chunk: Buffer }[], callback: () => void): void {
    this.writeCount++;
    this.sent.push(...chunks.map(({ chunk }) => chunk));
    if (this.isStalling) this.stalled = callback;
    else callback();
  }
  received(): Buffer {
    return Buffer.concat(this.sent.splice(0));
  }
}

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A client's frame, masked with zeros. */
function frame(opcode: keyof typeof opcodes, payload: Buffer | string, isLast = true): Buffer {
  const body = Buffer.from(payload);
  assert.ok(body.length < 126);
  const head = [(isLast ? 0x80 : 0) | opcodes[opcode], 0x80 | body.length, 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(head), body]);
}

const offer = { "sec-websocket-protocol": "mqtt" };

async function upgrade(headers: Record<string, string> = offer, origins: readonly string[] = []) {
  const clock = new ManualClock();
  const wire = new Wire();
  const heard: string[] = [];
  let stream: ByteStream | undefined;
  const accept = (accepted: ByteStream) => {
    stream = accepted;
    stream.on("data", (chunk) => heard.push(`data ${chunk}`));
    stream.on("error", (error) => heard.push(`error ${error.message}`));
    stream.on("close", () => heard.push("close"));
    stream.on("drain", () => heard.push("drain"));
  };
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const request = {
    method: "GET",
    url: "/mqtt",
    headers: { upgrade: "websocket", "sec-websocket-key": key, "sec-websocket-version": "13", ...headers },
    socket: { remoteAddress: "10.0.0.7", remotePort: 4711 },
  } as unknown as IncomingMessage;
  const server = new MqttWebSocket({ clock, packetSizeMax: 1024, origins, accept });
  server.handleUpgrade(request, wire, Buffer.alloc(0));
  await settle();
  const answer = wire.received().toString("latin1");
  return { clock, wire, heard, answer, stream: stream! };
}

test("MQTT-6.0.0-3 v5, MQTT-6.0.0-4 v5, MQTT-6.0.0-3 v3, MQTT-6.0.0-4 v3: the subprotocol is mqtt", async () => {
  assert.match((await upgrade()).answer, /^HTTP\/1\.1 101 .*Sec-WebSocket-Protocol: mqtt\r\n/s);
  const both = await upgrade({ "sec-websocket-protocol": "mqttv3.1, mqtt" });
  assert.match(both.answer, /Sec-WebSocket-Protocol: mqtt\r\n/);
  assert.match((await upgrade({ "sec-websocket-protocol": "mqttv3.1" })).answer, /Protocol: mqttv3\.1\r\n/);
});

test("other subprotocols are refused", async () => {
  for (const headers of [{}, { "sec-websocket-protocol": "jsonrpc" }]) {
    const { answer, stream } = await upgrade(headers as Record<string, string>);
    assert.match(answer, /^HTTP\/1\.1 400 .*must be mqtt/s);
    assert.equal(stream, undefined);
  }
});

test("pages of other origins are refused", async () => {
  const foreign = { ...offer, host: "127.0.0.1:4180", origin: "https://elsewhere.example" };
  assert.match((await upgrade(foreign)).answer, /^HTTP\/1\.1 403 /);
  assert.match((await upgrade(foreign, [foreign.origin])).answer, /^HTTP\/1\.1 101 /);
  assert.match((await upgrade({ ...foreign, origin: "http://127.0.0.1:4180" })).answer, /^HTTP\/1\.1 101 /);
});

test("MQTT-6.0.0-2 v5, MQTT-6.0.0-2 v3: messages and packets need not coincide", async () => {
  const { wire, heard, stream } = await upgrade();
  assert.equal(`${stream.remoteAddress}:${stream.remotePort}`, "10.0.0.7:4711");
  wire.push(Buffer.concat([frame("binary", "ab"), frame("binary", "c", false), frame("continuation", "d")]));
  await settle();
  assert.deepEqual(heard, ["data ab", "data cd"]);
});

test("every split of a frame gives the same bytes", async () => {
  const bytes = frame("binary", "abc");
  for (let at = 1; at < bytes.length; at++) {
    const { wire, heard } = await upgrade();
    wire.push(bytes.subarray(0, at));
    await settle();
    wire.push(bytes.subarray(at));
    await settle();
    assert.deepEqual(heard, ["data abc"]);
  }
});

test("MQTT-6.0.0-1 v5, MQTT-6.0.0-1 v3: text closes with 1003", async () => {
  const { clock, wire, heard } = await upgrade();
  wire.push(Buffer.concat([frame("text", "ab"), frame("binary", "cd")]));
  await settle();
  assert.equal(wire.received().subarray(0, 4).toString("hex").slice(0, 2), "88");
  assert.deepEqual(heard, ["error the peer sent a WebSocket message of text"]);
  clock.advance(2000);
  await settle();
  assert.equal(heard.at(-1), "close");
});

test("a close frame names 1003 for text", async () => {
  const { wire } = await upgrade();
  wire.push(frame("text", "ab"));
  await settle();
  assert.equal(wire.received().readUInt16BE(2), 1003);
});

test("a message beyond the limit closes", async () => {
  const { wire, heard } = await upgrade();
  wire.push(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 1, 4, 1, 0, 0, 0, 0])); // 65,536 + 1,025 bytes
  await settle();
  assert.equal(wire.received().readUInt16BE(2), 1009);
  assert.match(heard[0]!, /^error Max payload size exceeded/);
});

test("MQTT-6.0.0-1 v5, MQTT-6.0.0-1 v3: one write is one binary message", async () => {
  const { wire, stream } = await upgrade();
  wire.writeCount = 0;
  stream.write(Buffer.from("abc"));
  assert.equal(wire.received().toString("latin1"), "\x82\x03abc");
  stream.cork();
  stream.write(Buffer.from("d"));
  stream.write(Buffer.from("e"));
  stream.uncork();
  assert.equal(wire.received().toString("latin1"), "\x82\x02de");
  assert.equal(wire.writeCount, 2);
});

test("a peer that does not read is told apart", async () => {
  const { wire, stream, heard } = await upgrade();
  wire.isStalling = true;
  assert.equal(stream.write(Buffer.alloc(100)), true);
  assert.equal(stream.write(Buffer.alloc(1000)), false);
  assert.equal(stream.writableLength, 102 + 1004);
  wire.isStalling = false;
  wire.stalled?.();
  await settle();
  assert.deepEqual([heard, stream.writableLength], [["drain"], 0]);
});

test("a paused stream is not read", async () => {
  const { wire, stream, heard } = await upgrade();
  stream.pause();
  await settle();
  wire.push(frame("binary", "ab"));
  await settle();
  assert.deepEqual(heard, []);
  stream.resume();
  await settle();
  assert.deepEqual(heard, ["data ab"]);
});

test("pings are answered while the peer reads", async () => {
  const { wire, stream } = await upgrade();
  wire.push(frame("ping", "x"));
  await settle();
  assert.equal(wire.received().toString("latin1"), "\x8a\x01x");
  wire.isStalling = true;
  stream.write(Buffer.alloc(100_000));
  wire.received();
  wire.push(frame("ping", "x"));
  await settle();
  assert.ok(stream.writableLength < 101_000);
  assert.equal(wire.received().length, 0);
});

test("both sides say goodbye", async () => {
  const { wire, stream, heard } = await upgrade();
  stream.write(Buffer.from("a"));
  stream.end();
  stream.write(Buffer.from("late"));
  assert.equal(wire.received().toString("latin1"), "\x82\x01a\x88\x02\x03\xe8");
  wire.push(frame("close", Buffer.from([3, 0xe8])));
  wire.push(null);
  await settle();
  await settle();
  assert.deepEqual(heard, ["close"]);
});

test("destroy closes at once", async () => {
  const { stream, heard } = await upgrade();
  stream.destroy();
  await settle();
  assert.deepEqual(heard, ["close"]);
});
