/** The least of an MQTT 5 client over TCP: sends packets, and waits for the ones that come back, in order. */

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { ByteWriter } from "@polylog/base/bytes";
import { FrameReader, type PacketName } from "@polylog/mqtt-wire";
import {
  type Connect5Packet,
  decodePacket5,
  type Packet5,
  type PacketValues5,
  packetCodecs5,
} from "@polylog/mqtt-wire/mqtt5";

export type ConnectFields = Partial<Omit<Connect5Packet, "clientIdentifier" | "protocolLevel">>;

export class MqttClient {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #reader = new FrameReader(Number.POSITIVE_INFINITY);

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#chunks = this.#socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#reader.protocolLevel = 5;
  }

  /** Sends CONNECT; the CONNACK. */
  connect(clientIdentifier: string, fields: ConnectFields = {}): Promise<PacketValues5["CONNACK"]> {
    const defaults = {
      cleanStart: true,
      keepAliveSeconds: 0,
      will: undefined,
      userName: undefined,
      password: undefined,
    };
    const properties = {};
    this.send("CONNECT", { protocolLevel: 5, ...defaults, properties, ...fields, clientIdentifier });
    return this.receive("CONNACK");
  }

  /** The reason code of the SUBACK. */
  async subscribe(topicFilter: string): Promise<number> {
    const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    this.send("SUBSCRIBE", { packetIdentifier: 1, properties: {}, subscriptions: [{ ...options, topicFilter }] });
    return (await this.receive("SUBACK")).reasonCodes[0]!;
  }

  /** At QoS 1; the reason code of the PUBACK. */
  async publish(topic: string, text: string): Promise<number> {
    const flags = { qos: 1, retain: false, dup: false, packetIdentifier: 1 } as const;
    this.send("PUBLISH", { topic, payload: Buffer.from(text), ...flags, properties: {} });
    return (await this.receive("PUBACK")).reasonCode;
  }

  send<Name extends PacketName>(name: Name, value: PacketValues5[Name]): void {
    const writer = new ByteWriter();
    packetCodecs5[name].encode(writer, value);
    this.#socket.write(writer.take());
  }

  /** The next packet, which must be of that name. */
  async receive<Name extends PacketName>(name: Name): Promise<PacketValues5[Name]> {
    const packet = await this.receiveAny(name);
    assert.equal(packet.name, name);
    return packet.value as PacketValues5[Name];
  }

  /** The next packet, whichever it is. */
  async receiveAny(expected = "a packet"): Promise<Packet5> {
    while (!this.#reader.next()) {
      const { value, done } = await this.#chunks.next();
      assert.ok(done !== true, `closed instead of ${expected}`);
      this.#reader.push(value);
    }
    return decodePacket5(this.#reader);
  }

  /** Resolves once the server has closed the connection, having sent nothing more. */
  async closed(): Promise<void> {
    const { done } = await this.#chunks.next();
    assert.ok(done === true, "more came before the end");
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
