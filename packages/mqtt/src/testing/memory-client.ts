/** A client for tests: the wire package's encoders on one side of a stream in memory, its decoders on the other. */

import { ByteWriter } from "@polylog/base/bytes";
import type { ManualClock } from "@polylog/base/clock";
import {
  type ConnackPacket,
  type ConnectPacket,
  decodeConnack,
  decodePingresp,
  decodePuback,
  decodePubcomp,
  decodePublish,
  decodePubrec,
  decodePubrel,
  decodeSuback,
  decodeUnsuback,
  encodeConnect,
  encodeDisconnect,
  encodePingreq,
  encodePuback,
  encodePubcomp,
  encodePublish,
  encodePubrec,
  encodePubrel,
  encodeSubscribe,
  encodeUnsubscribe,
  FrameReader,
  type PubackPacket,
  PublishView,
  packetName,
  publishPacketOf,
  type QoS,
  type SubackPacket,
  type UnsubackPacket,
} from "@polylog/mqtt-wire";
import { MemoryStream, settle } from "@polylog/testkit";

export type ConnectFields = Partial<Omit<ConnectPacket, "clientIdentifier">>;

export interface PublishFields {
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly packetIdentifier?: number;
}

export interface ReceivedPublish {
  readonly type: "PUBLISH";
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetIdentifier: number;
}

export type Received =
  | ({ readonly type: "CONNACK" } & ConnackPacket)
  | ReceivedPublish
  | ({ readonly type: "PUBACK" } & PubackPacket)
  | ({ readonly type: "PUBREC" | "PUBREL" | "PUBCOMP" } & PubackPacket)
  | ({ readonly type: "SUBACK" } & SubackPacket)
  | ({ readonly type: "UNSUBACK" } & UnsubackPacket)
  | { readonly type: "PINGRESP" };

const packetSizeMax = 16 * 1024 * 1024;

export class MemoryClient {
  readonly stream = new MemoryStream();
  readonly #clock: ManualClock;
  readonly #reader = new FrameReader(packetSizeMax);
  #nextIdentifier = 1;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** The server has closed the connection. */
  get closed(): boolean {
    return this.stream.closed;
  }

  /** Sends bytes, and gives the server the turns it needs. */
  async send(bytes: Uint8Array): Promise<void> {
    this.stream.send(bytes);
    this.#clock.turn();
    await settle(2);
    this.#clock.turn();
  }

  connect(clientIdentifier: string, fields: ConnectFields = {}): Promise<void> {
    return this.send(connectBytes(clientIdentifier, fields));
  }

  /** Returns the packet identifier used; 0 at QoS 0. */
  async publish(topic: string, payload: string, fields: PublishFields = {}): Promise<number> {
    const packetIdentifier = fields.packetIdentifier ?? ((fields.qos ?? 0) === 0 ? 0 : this.#nextIdentifier++);
    await this.send(publishBytes(topic, payload, { ...fields, packetIdentifier }));
    return packetIdentifier;
  }

  subscribe(topicFilter: string, qos: QoS = 0, packetIdentifier: number = this.#nextIdentifier++): Promise<void> {
    return this.send(bytesOf(encodeSubscribe, { packetIdentifier, subscriptions: [{ topicFilter, qos }] }));
  }

  unsubscribe(...topicFilters: string[]): Promise<void> {
    return this.send(bytesOf(encodeUnsubscribe, { packetIdentifier: this.#nextIdentifier++, topicFilters }));
  }

  puback(packetIdentifier: number): Promise<void> {
    return this.send(bytesOf(encodePuback, { packetIdentifier }));
  }

  pubrec(packetIdentifier: number): Promise<void> {
    return this.send(bytesOf(encodePubrec, { packetIdentifier }));
  }

  pubrel(packetIdentifier: number): Promise<void> {
    return this.send(bytesOf(encodePubrel, { packetIdentifier }));
  }

  pubcomp(packetIdentifier: number): Promise<void> {
    return this.send(bytesOf(encodePubcomp, { packetIdentifier }));
  }

  ping(): Promise<void> {
    return this.send(bytesOf(encodePingreq, {}));
  }

  disconnect(): Promise<void> {
    return this.send(bytesOf(encodeDisconnect, {}));
  }

  /** Packets received since the last call. */
  packets(): Received[] {
    this.#clock.turn();
    const packets: Received[] = [];
    this.#reader.push(this.stream.received());
    while (this.#reader.next()) packets.push(decode(this.#reader));
    return packets;
  }

  /** Only the PUBLISHes among them. */
  messages(): ReceivedPublish[] {
    return this.packets().filter((packet) => packet.type === "PUBLISH");
  }

  payloads(): string[] {
    return this.messages().map(({ payload }) => payload);
  }
}

export function bytesOf<Packet>(encode: (writer: ByteWriter, packet: Packet) => void, packet: Packet): Buffer {
  const writer = new ByteWriter();
  encode(writer, packet);
  return writer.take();
}

export function connectBytes(clientIdentifier: string, fields: ConnectFields = {}): Buffer {
  return bytesOf(encodeConnect, {
    protocolLevel: 4,
    cleanSession: true,
    keepAliveSeconds: 0,
    will: undefined,
    userName: undefined,
    password: undefined,
    ...fields,
    clientIdentifier,
  });
}

export function publishBytes(topic: string, payload: string, fields: PublishFields = {}): Buffer {
  const { qos = 0, retain = false, dup = false, packetIdentifier = qos === 0 ? 0 : 1 } = fields;
  return bytesOf(encodePublish, { topic, payload: Buffer.from(payload), qos, retain, dup, packetIdentifier });
}

const view = new PublishView();

function decode(reader: FrameReader): Received {
  const { bytes, bodyStart, packetEnd } = reader;
  const type = packetName(reader.type);
  switch (type) {
    case "CONNACK":
      return { type, ...decodeConnack(bytes, bodyStart, packetEnd) };
    case "PUBLISH": {
      decodePublish(view, reader);
      const packet = publishPacketOf(view, bytes);
      return { type, ...packet, payload: packet.payload.toString() };
    }
    case "PUBACK":
      return { type, ...decodePuback(bytes, bodyStart, packetEnd) };
    case "PUBREC":
      return { type, ...decodePubrec(bytes, bodyStart, packetEnd) };
    case "PUBREL":
      return { type, ...decodePubrel(bytes, bodyStart, packetEnd) };
    case "PUBCOMP":
      return { type, ...decodePubcomp(bytes, bodyStart, packetEnd) };
    case "SUBACK":
      return { type, ...decodeSuback(bytes, bodyStart, packetEnd) };
    case "UNSUBACK":
      return { type, ...decodeUnsuback(bytes, bodyStart, packetEnd) };
    case "PINGRESP":
      decodePingresp(bytes, bodyStart, packetEnd);
      return { type };
    default:
      throw new Error(`the server sent ${type ?? `type ${reader.type}`}`);
  }
}
