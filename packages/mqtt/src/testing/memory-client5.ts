/** A client of MQTT 5 for tests: the wire package's codecs on one side of a stream in memory. */

import { ByteWriter } from "@polylog/base/bytes";
import type { ManualClock } from "@polylog/base/clock";
import { FrameReader, type PacketName, type QoS } from "@polylog/mqtt-wire";
import {
  type Connect5Packet,
  decodePacket5,
  type Packet5,
  type PacketValues5,
  type Properties,
  packetCodecs5,
  type Subscription5,
} from "@polylog/mqtt-wire/mqtt5";
import { MemoryStream, settle } from "@polylog/testkit";

export type ConnectFields5 = Partial<Omit<Connect5Packet, "clientIdentifier" | "protocolLevel">>;

export interface PublishFields5 {
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly packetIdentifier?: number;
  readonly properties?: Properties<"PUBLISH">;
}

export type Publish5 = PacketValues5["PUBLISH"] & { readonly text: string };

export class MemoryClient5 {
  readonly stream = new MemoryStream();
  readonly #clock: ManualClock;
  readonly #reader = new FrameReader(Number.POSITIVE_INFINITY);
  #nextIdentifier = 1;

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.#reader.protocolLevel = 5;
  }

  /** The server has closed the connection. */
  get closed(): boolean {
    return this.stream.closed;
  }

  async send(bytes: Uint8Array): Promise<void> {
    this.stream.send(bytes);
    this.#clock.turn();
    await settle(2);
    this.#clock.turn();
  }

  packet<Name extends PacketName>(name: Name, value: PacketValues5[Name]): Promise<void> {
    return this.send(bytesOf5(name, value));
  }

  connect(clientIdentifier: string, fields: ConnectFields5 = {}): Promise<void> {
    return this.send(connectBytes5(clientIdentifier, fields));
  }

  /** Returns the packet identifier used; 0 at QoS 0. */
  async publish(topic: string, payload: string, fields: PublishFields5 = {}): Promise<number> {
    const { qos = 0, retain = false, dup = false, properties = {} } = fields;
    const packetIdentifier = fields.packetIdentifier ?? (qos === 0 ? 0 : this.#nextIdentifier++);
    await this.packet("PUBLISH", {
      topic,
      payload: Buffer.from(payload),
      qos,
      retain,
      dup,
      packetIdentifier,
      properties,
    });
    return packetIdentifier;
  }

  subscribe(
    topicFilter: string,
    options: Partial<Subscription5> & { readonly identifier?: number } = {},
  ): Promise<void> {
    const { identifier, ...given } = options;
    const defaults = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    return this.packet("SUBSCRIBE", {
      packetIdentifier: this.#nextIdentifier++,
      properties: identifier === undefined ? {} : { subscriptionIdentifiers: [identifier] },
      subscriptions: [{ ...defaults, ...given, topicFilter }],
    });
  }

  unsubscribe(...topicFilters: string[]): Promise<void> {
    return this.packet("UNSUBSCRIBE", { packetIdentifier: this.#nextIdentifier++, properties: {}, topicFilters });
  }

  ack(name: "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP", packetIdentifier: number, reasonCode = 0): Promise<void> {
    return this.packet(name, { packetIdentifier, reasonCode, properties: {} } as PacketValues5["PUBACK"]);
  }

  disconnect(fields: Partial<PacketValues5["DISCONNECT"]> = {}): Promise<void> {
    return this.packet("DISCONNECT", { reasonCode: 0, properties: {}, ...fields });
  }

  /** Packets received since the last call. */
  packets(): Packet5[] {
    this.#clock.turn();
    const packets: Packet5[] = [];
    this.#reader.push(this.stream.received());
    while (this.#reader.next()) packets.push(decodePacket5(this.#reader));
    return packets;
  }

  /** As `packets`, in short: the name, and the reason code where it is not 0. */
  names(): string[] {
    return this.packets().map(({ name, value }) => {
      const code = "reasonCode" in value ? value.reasonCode : 0;
      return code === 0 ? name : `${name} ${code.toString(16)}`;
    });
  }

  /** Only the PUBLISHes among them. */
  messages(): Publish5[] {
    const messages: Publish5[] = [];
    for (const { name, value } of this.packets())
      if (name === "PUBLISH") messages.push({ ...value, text: value.payload.toString() });
    return messages;
  }

  payloads(): string[] {
    return this.messages().map(({ text }) => text);
  }
}

export function bytesOf5<Name extends PacketName>(name: Name, value: PacketValues5[Name]): Buffer {
  const writer = new ByteWriter();
  packetCodecs5[name].encode(writer, value);
  return writer.take();
}

export function connectBytes5(clientIdentifier: string, fields: ConnectFields5 = {}): Buffer {
  return bytesOf5("CONNECT", {
    protocolLevel: 5,
    cleanStart: true,
    keepAliveSeconds: 0,
    will: undefined,
    userName: undefined,
    password: undefined,
    properties: {},
    ...fields,
    clientIdentifier,
  });
}
