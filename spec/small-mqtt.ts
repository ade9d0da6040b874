/**
 * The least of MQTT 3.1.1, written anew from its tables so that a mistake in our own packages does not hide in it: a connection
 * that sends and receives packets, and two clients with the session state that the specification asks of clients.
 */

import { connect, type Socket } from "node:net";

const types = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
} as const;

export interface SmallPacket {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

class Wire {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  onPacket: (packet: SmallPacket) => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.setNoDelay(true);
    this.#socket.on("error", () => undefined); // A server that is killed resets its connections.
    this.#socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      for (let packet = this.#take(); packet !== undefined; packet = this.#take()) this.onPacket(packet);
    });
  }

  #take(): SmallPacket | undefined {
    let size = 0;
    for (let at = 1, shift = 0; at < this.#bytes.length; at++, shift += 7) {
      const byte = this.#bytes[at]!;
      size |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      const end = at + 1 + size;
      if (this.#bytes.length < end) return undefined;
      const first = this.#bytes[0]!;
      const packet = { type: first >> 4, flags: first & 15, body: this.#bytes.subarray(at + 1, end) };
      this.#bytes = this.#bytes.subarray(end);
      return packet;
    }
    return undefined;
  }

  send(type: number, flags: number, ...parts: readonly Uint8Array[]): void {
    const body = Buffer.concat(parts);
    const head = [(type << 4) | flags];
    for (let left = body.length, more = true; more; ) {
      more = left > 0x7f;
      head.push((left & 0x7f) | (more ? 0x80 : 0));
      left >>= 7;
    }
    if (this.#socket.writable) this.#socket.write(Buffer.concat([Buffer.from(head), body]));
  }

  close(): void {
    this.onPacket = () => undefined;
    this.#socket.destroy();
  }
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function text(value: string): Buffer {
  return Buffer.concat([u16(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** A client with a session: the connection comes and goes, what it knows stays. */
abstract class SmallClient {
  readonly clientId: string;
  /** The server has said, once, that it keeps the session. */
  hasSession = false;
  /** What went wrong, for the test to look at. */
  readonly faults: string[] = [];
  #wire: Wire | undefined;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  connect(port: number): void {
    this.close();
    const wire = new Wire(port);
    this.#wire = wire;
    wire.onPacket = ({ type, flags, body }) => {
      if (type === types.connack) this.#onConnack(body);
      else this.onPacket(type, flags, body);
    };
    // Protocol level 4, flags 0: no clean session; keep alive 0.
    this.send(types.connect, 0, text("MQTT"), Buffer.from([4, 0, 0, 0]), text(this.clientId));
  }

  #onConnack(body: Buffer): void {
    const [present, code] = body;
    if (code !== 0) this.faults.push(`${this.clientId}: CONNACK ${code}`);
    if (present === 0 && this.hasSession) this.faults.push(`${this.clientId}: its session is gone`);
    this.onConnected();
  }

  close(): void {
    this.#wire?.close();
    this.#wire = undefined;
  }

  protected send(type: number, flags: number, ...parts: readonly Uint8Array[]): void {
    this.#wire?.send(type, flags, ...parts);
  }

  protected abstract onConnected(): void;
  protected abstract onPacket(type: number, flags: number, body: Buffer): void;
}

const inFlightMax = 32;

/** Publishes 0, 1, 2 … as text, each until the server has it. */
export class SmallPublisher extends SmallClient {
  readonly #qos: 1 | 2;
  readonly #topicOf: (number: number) => string;
  /** By packet identifier, in order: number, and whether PUBREC has come. */
  readonly #inFlight = new Map<number, { readonly number: number; released: boolean }>();
  #next = 0;
  #identifierNext = 1;
  #paused = false;
  /** Numbers that the server has taken responsibility for. */
  readonly acknowledged = new Set<number>();

  constructor(clientId: string, qos: 1 | 2, topicOf: (number: number) => string) {
    super(clientId);
    this.#qos = qos;
    this.#topicOf = topicOf;
  }

  /** Sends nothing new, and still finishes what it has begun. */
  pause(): void {
    this.#paused = true;
  }

  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  protected onConnected(): void {
    this.hasSession = true;
    for (const [identifier, { number, released }] of this.#inFlight)
      if (released) this.send(types.pubrel, 2, u16(identifier));
      else this.#publish(identifier, number, true);
    this.#fill();
  }

  #fill(): void {
    while (!this.#paused && this.#inFlight.size < inFlightMax) {
      const identifier = this.#identifierNext;
      this.#identifierNext = (identifier % 65_535) + 1;
      const number = this.#next++;
      this.#inFlight.set(identifier, { number, released: false });
      this.#publish(identifier, number, false);
    }
  }

  #publish(identifier: number, number: number, dup: boolean): void {
    const flags = (dup ? 8 : 0) | (this.#qos << 1);
    this.send(types.publish, flags, text(this.#topicOf(number)), u16(identifier), Buffer.from(String(number)));
  }

  protected onPacket(type: number, _flags: number, body: Buffer): void {
    const identifier = body.readUInt16BE(0);
    const message = this.#inFlight.get(identifier);
    if (type === types.pubrec) {
      if (message !== undefined) {
        message.released = true;
        this.acknowledged.add(message.number);
      }
      this.send(types.pubrel, 2, u16(identifier));
    } else if (type === types.puback || type === types.pubcomp) {
      if (message !== undefined) this.acknowledged.add(message.number);
      this.#inFlight.delete(identifier);
      this.#fill();
    }
  }
}

/** Counts what it receives, by topic and number, as a receiver of the specification does: QoS 2 once per identifier until PUBREL. */
export class SmallSubscriber extends SmallClient {
  readonly #topics: readonly (readonly [topic: string, qos: 1 | 2])[];
  readonly #received = new Set<number>();
  readonly counts = new Map<string, Map<number, number>>();
  #isSubscribed = false;

  constructor(clientId: string, topics: readonly (readonly [topic: string, qos: 1 | 2])[]) {
    super(clientId);
    this.#topics = topics;
    for (const [topic] of topics) this.counts.set(topic, new Map());
  }

  /** Its subscriptions are acknowledged. */
  get isReady(): boolean {
    return this.#isSubscribed;
  }

  protected onConnected(): void {
    if (this.#isSubscribed) return;
    const filters = this.#topics.map(([topic, qos]) => Buffer.concat([text(topic), Buffer.from([qos])]));
    this.send(types.subscribe, 2, u16(1), ...filters);
  }

  protected onPacket(type: number, flags: number, body: Buffer): void {
    if (type === types.suback) {
      this.#isSubscribed = true;
      this.hasSession = true;
    } else if (type === types.publish) this.#onPublish((flags >> 1) & 3, (flags & 8) !== 0, body);
    else if (type === types.pubrel) {
      this.#received.delete(body.readUInt16BE(0));
      this.send(types.pubcomp, 0, body);
    }
  }

  #onPublish(qos: number, dup: boolean, body: Buffer): void {
    const topicEnd = 2 + body.readUInt16BE(0);
    const topic = body.toString("utf8", 2, topicEnd);
    const identifier = body.subarray(topicEnd, topicEnd + 2);
    const number = Number(body.toString("utf8", topicEnd + 2));
    const key = identifier.readUInt16BE(0);
    if (qos === 2 && this.#received.has(key)) {
      if (!dup) this.faults.push(`${topic} ${number}: identifier ${key} used for another message`);
    } else {
      const counts = this.counts.get(topic)!;
      counts.set(number, (counts.get(number) ?? 0) + 1);
      if (qos === 2) this.#received.add(key);
    }
    this.send(qos === 2 ? types.pubrec : types.puback, 0, identifier);
  }
}
