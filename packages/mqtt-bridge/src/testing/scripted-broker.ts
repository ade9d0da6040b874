/**
 * A broker played by a test, packet by packet: the other end of one connection of a bridge. What the bridge sends comes out
 * of `packets`, as values of MQTT 5 or, for a connection below it, as bytes.
 */

import { ByteWriter } from "@polylog/base/bytes";
import type { ManualClock } from "@polylog/base/clock";
import { FrameReader, type PacketName } from "@polylog/mqtt-wire";
import { decodePacket5, type Packet5, type PacketValues5, packetCodecs5 } from "@polylog/mqtt-wire/mqtt5";
import { MemoryStream } from "@polylog/testkit";

type PublishFields = Partial<PacketValues5["PUBLISH"]> & Pick<PacketValues5["PUBLISH"], "topic">;

export class ScriptedBroker {
  readonly stream = new MemoryStream();
  readonly #clock: ManualClock;
  readonly #reader = new FrameReader(Number.POSITIVE_INFINITY);

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.#reader.protocolLevel = 5;
  }

  /** What came since the last call. */
  packets(): Packet5[] {
    this.#clock.turn();
    this.#reader.push(this.stream.received());
    const packets: Packet5[] = [];
    while (this.#reader.next()) packets.push(decodePacket5(this.#reader));
    return packets;
  }

  /** `PUBLISH 7`, `PUBACK 7`, …: names with packet identifiers. */
  words(): string[] {
    return this.packets().map(({ name, value }) =>
      "packetIdentifier" in value ? `${name} ${value.packetIdentifier}` : name,
    );
  }

  /** The CONNECT's bytes, for versions that differ in them. */
  raw(): Buffer {
    this.#clock.turn();
    return this.stream.received();
  }

  send<Name extends PacketName>(name: Name, value: PacketValues5[Name]): void {
    const writer = new ByteWriter();
    packetCodecs5[name].encode(writer, value);
    this.stream.send(writer.take());
    this.#clock.turn();
  }

  sendBytes(...bytes: readonly number[]): void {
    this.stream.send(Buffer.from(bytes));
    this.#clock.turn();
  }

  connack(sessionPresent = false, properties: PacketValues5["CONNACK"]["properties"] = {}): void {
    this.send("CONNACK", { sessionPresent, reasonCode: 0, properties });
  }

  publish(fields: PublishFields): void {
    const defaults = { payload: Buffer.from("x"), qos: 0, retain: false, dup: false, packetIdentifier: 0 } as const;
    this.send("PUBLISH", { ...defaults, properties: {}, ...fields });
  }

  ack(
    name: "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP",
    packetIdentifier: number,
    reasonCode: 0 | 0x87 | 0x97 = 0,
  ): void {
    this.send(name, { packetIdentifier, reasonCode, properties: {} } as PacketValues5[typeof name]);
  }
}
