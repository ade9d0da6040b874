/** An nsqd without a network, as far as a client sees one: it answers the handshake and collects what it is sent. */

import { ManualClock } from "@polylog/base/clock";
import { messageFrameSize, okFrame, writeMessageHeader, writeResponse } from "@polylog/nsq-wire";
import { SnappyReader, SnappyWriter } from "@polylog/nsq-wire/snappy";
import { MemoryStream, settle } from "@polylog/testkit";
import { defaultClientOptions } from "../client-options.ts";
import type { Dialer } from "../dialer.ts";

export interface Granted {
  readonly snappy?: boolean;
  readonly auth_required?: boolean;
  readonly tls_v1?: boolean;
  readonly max_rdy_count?: number;
}

/** One connection, seen from nsqd. */
export class MemoryPeer {
  readonly stream = new MemoryStream();
  /** The JSON of the IDENTIFY. */
  identified: Readonly<Record<string, unknown>> = {};
  readonly #clock: ManualClock;
  #snappy: { writer: SnappyWriter; reader: SnappyReader } | undefined;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** Answers the IDENTIFY; the upgrade's OK follows in the same chunk, as nsqd may send it. */
  async identify(granted: Granted = {}): Promise<void> {
    const sent = await this.sent();
    const bodyAt = sent.indexOf("{");
    this.identified = JSON.parse(sent.slice(bodyAt));
    const json = response(JSON.stringify({ max_rdy_count: 2500, ...granted }));
    if (granted.snappy === true) {
      this.#snappy = { writer: new SnappyWriter(), reader: new SnappyReader() };
      this.stream.send(Buffer.concat([json, this.#snappy.writer.encode(okFrame)]));
    } else {
      this.stream.send(json);
    }
    await this.turns();
  }

  /** What the client has sent since the last call, as text. */
  async sent(): Promise<string> {
    await this.turns();
    const bytes = this.stream.received();
    return (this.#snappy === undefined ? bytes : this.#snappy.reader.decode(bytes)).toString("latin1");
  }

  async answer(body: string): Promise<void> {
    this.send(response(body));
    await this.turns();
  }

  async refuse(body: string): Promise<void> {
    const frame = response(body);
    frame.writeInt32BE(1, 4);
    this.send(frame);
    await this.turns();
  }

  async message(number: number, { attempts = 1, body = `m${number}` } = {}): Promise<void> {
    const bytes = Buffer.from(body);
    const frame = Buffer.alloc(messageFrameSize(bytes.length));
    bytes.copy(frame, writeMessageHeader(frame, 0, 1_700_000_000_000, attempts, 0, number, bytes.length));
    this.send(frame);
    await this.turns();
  }

  send(frame: Buffer): void {
    this.stream.send(this.#snappy === undefined ? frame : this.#snappy.writer.encode(frame));
  }

  async turns(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      this.#clock.turn();
      await settle(2);
    }
  }
}

/** The message id of `message(number)`. */
export function idOf(number: number): string {
  return number.toString(16).padStart(16, "0");
}

function response(body: string): Buffer {
  const frame = Buffer.alloc(8 + body.length);
  writeResponse(frame, 0, Buffer.from(body));
  return frame;
}

/** A client's surroundings: every dial gets a peer of its own, in order. */
export function memoryNetwork() {
  const clock = new ManualClock();
  const peers: MemoryPeer[] = [];
  const addresses: string[] = [];
  const dialer: Dialer = {
    dial: async (address) => {
      addresses.push(address);
      const peer = new MemoryPeer(clock);
      peers.push(peer);
      return peer.stream;
    },
    startTls: async (stream) => stream,
  };
  return { clock, peers, addresses, dialer, options: defaultClientOptions(), chance: () => 0 };
}
