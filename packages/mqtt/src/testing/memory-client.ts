/** A client for tests: the wire package's encoders on one side of a stream in memory, its decoders on the other. */

import { ByteWriter } from "@polylog/base/bytes";
import type { ManualClock } from "@polylog/base/clock";
import {
  type ConnackPacket,
  type ConnectPacket,
  decodeConnack,
  decodePingresp,
  decodePuback,
  decodePublish,
  decodeSuback,
  decodeUnsuback,
  encodeConnect,
  encodeDisconnect,
  encodePingreq,
  encodePuback,
  encodePublish,
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
import { MemoryStream } from "@polylog/testkit";

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

  /** Sends bytes, and gives the server its turn. */
  send(bytes: Uint8Array): void {
    this.stream.send(bytes);
    this.#clock.turn();
  }

  connect(clientIdentifier: string, fields: ConnectFields = {}): void {
    this.send(connectBytes(clientIdentifier, fields));
  }

  /** Returns the packet identifier used; 0 at QoS 0. */
  publish(topic: string, payload: string, fields: PublishFields = {}): number {
    const packetIdentifier = fields.packetIdentifier ?? ((fields.qos ?? 0) === 0 ? 0 : this.#nextIdentifier++);
    this.send(publishBytes(topic, payload, { ...fields, packetIdentifier }));
    return packetIdentifier;
  }

  subscribe(topicFilter: string, qos: QoS = 0, packetIdentifier: number = this.#nextIdentifier++): void {
    this.send(bytesOf(encodeSubscribe, { packetIdentifier, subscriptions: [{ topicFilter, qos }] }));
  }

  unsubscribe(...topicFilters: string[]): void {
    this.send(bytesOf(encodeUnsubscribe, { packetIdentifier: this.#nextIdentifier++, topicFilters }));
  }

  puback(packetIdentifier: number): void {
    this.send(bytesOf(encodePuback, { packetIdentifier }));
  }

  ping(): void {
    this.send(bytesOf(encodePingreq, {}));
  }

  disconnect(): void {
    this.send(bytesOf(encodeDisconnect, {}));
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
