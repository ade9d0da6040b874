/**
 * A broker that does wrong on purpose and keeps count of it: what a benchmark must find out. It knows enough of MQTT 3.1.1
 * for a benchmark: wildcards, QoS 0 and 1, no sessions, nothing retained.
 *
 * Every n-th delivery that `faults` names is dropped, doubled, changed in one bit, or overtaken by the next one to the same
 * subscriber. A stall neither reads nor writes for a while.
 */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { ByteWriter } from "@polylog/base/bytes";
import {
  decodePublish,
  decodeSubscribe,
  encodeConnack,
  encodePublish,
  encodeSuback,
  FrameReader,
  PublishView,
  packetTypes,
  type QoS,
  topicMatches,
  writePingresp,
  writePuback,
} from "@polylog/mqtt-wire";

export interface Faults {
  readonly dropEvery?: number;
  readonly doubleEvery?: number;
  readonly corruptEvery?: number;
  readonly swapEvery?: number;
}

interface Client {
  readonly socket: Socket;
  readonly filters: Map<string, QoS>;
  held: Buffer | undefined;
  packetIdentifier: number;
}

export class BrokenBroker {
  readonly done = { dropped: 0, doubled: 0, corrupted: 0, swapped: 0, received: 0, delivered: 0 };
  readonly #faults: Faults;
  readonly #server: Server;
  readonly #clients = new Set<Client>();
  #deliveries = 0;
  #isStalled = false;
  #waiting: (() => void)[] = [];

  private constructor(faults: Faults) {
    this.#faults = faults;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(faults: Faults): Promise<BrokenBroker> {
    const broker = new BrokenBroker(faults);
    broker.#server.listen(0, "127.0.0.1");
    await once(broker.#server, "listening");
    return broker;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  stall(ms: number): void {
    this.#isStalled = true;
    for (const { socket } of this.#clients) socket.pause();
    setTimeout(() => {
      this.#isStalled = false;
      for (const each of this.#waiting.splice(0)) each();
      for (const { socket } of this.#clients) socket.resume();
    }, ms);
  }

  stop(): void {
    this.#server.close();
    for (const { socket } of this.#clients) socket.destroy();
  }

  #accept(socket: Socket): void {
    const client: Client = { socket, filters: new Map(), held: undefined, packetIdentifier: 0 };
    const reader = new FrameReader(1 << 20);
    this.#clients.add(client);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#clients.delete(client));
    socket.on("data", (chunk) => {
      const take = () => {
        reader.push(chunk);
        while (reader.next()) this.#take(client, reader);
      };
      if (this.#isStalled) this.#waiting.push(take);
      else take();
    });
  }

  #take(client: Client, reader: FrameReader): void {
    const { bytes, bodyStart, packetEnd } = reader;
    const writer = new ByteWriter(64);
    switch (reader.type) {
      case packetTypes.CONNECT:
        encodeConnack(writer, { sessionPresent: false, returnCode: 0 });
        break;
      case packetTypes.SUBSCRIBE: {
        const { packetIdentifier, subscriptions } = decodeSubscribe(bytes, bodyStart, packetEnd);
        for (const { topicFilter, qos } of subscriptions) client.filters.set(topicFilter, qos);
        encodeSuback(writer, { packetIdentifier, returnCodes: subscriptions.map(({ qos }) => qos) });
        break;
      }
      case packetTypes.PUBLISH:
        this.#publish(client, reader);
        break;
      case packetTypes.PINGREQ:
        writer.length = writePingresp(writer.buffer, writer.reserve(2));
    }
    if (writer.length > 0) client.socket.write(writer.take());
  }

  #publish(client: Client, reader: FrameReader): void {
    const view = new PublishView();
    decodePublish(view, reader);
    const { bytes } = reader;
    this.done.received++;
    if (view.qos === 1) {
      const ack = Buffer.alloc(4);
      writePuback(ack, 0, view.packetIdentifier);
      client.socket.write(ack);
    }
    const topic = bytes.toString("utf8", view.topicStart, view.topicEnd);
    for (const each of this.#clients) {
      for (const [filter, qos] of each.filters) {
        if (!topicMatches(filter, topic)) continue;
        this.#deliver(each, topic, bytes.subarray(view.payloadStart, view.payloadEnd), Math.min(qos, view.qos) as QoS);
      }
    }
  }

  #deliver(client: Client, topic: string, original: Buffer, qos: QoS): void {
    const { dropEvery, doubleEvery, corruptEvery, swapEvery } = this.#faults;
    const number = ++this.#deliveries;
    const isEvery = (every: number | undefined) => every !== undefined && number % every === 0;
    if (isEvery(dropEvery)) {
      this.done.dropped++;
      return;
    }
    const payload = Buffer.from(original);
    if (isEvery(corruptEvery)) {
      this.done.corrupted++;
      payload[40]! ^= 1;
    }
    client.packetIdentifier = (client.packetIdentifier % 65_535) + 1;
    const writer = new ByteWriter(256);
    const packetIdentifier = qos === 0 ? 0 : client.packetIdentifier;
    encodePublish(writer, { topic, payload, qos, retain: false, dup: false, packetIdentifier });
    const packet = writer.take();
    if (isEvery(swapEvery) && client.held === undefined) {
      client.held = packet;
      return;
    }
    client.socket.write(packet);
    this.done.delivered++;
    if (isEvery(doubleEvery)) {
      this.done.doubled++;
      client.socket.write(packet);
    }
    if (client.held === undefined) return;
    client.socket.write(client.held);
    client.held = undefined;
    this.done.swapped++;
    this.done.delivered++;
  }
}
