/** Works a channel off over NSQ, by hand as in `doors.ts`: finishes what it gets, now and then requeues it or drops it. */

import { connect, type Socket } from "node:net";
import type { ServerProcess } from "../server-process.ts";
import type { Chance } from "./chance.ts";
import type { MessageLedger } from "./message-ledger.ts";

export interface ChannelWorkerOptions {
  readonly server: ServerProcess;
  readonly log: string;
  readonly channel: string;
  readonly ledger: MessageLedger;
  readonly chance: Chance;
  /** One in so many messages is requeued. Default 50; 0: none. */
  readonly requeueOneIn?: number;
}

const messageFrame = 2;

export class ChannelWorker {
  readonly #options: ChannelWorkerOptions;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: ChannelWorkerOptions) {
    this.#options = options;
    const { server, log, channel } = options;
    this.#socket = connect({ port: server.listeners.nsqTcp.port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("error", () => undefined);
    this.#socket.on("data", (chunk) => this.#onChunk(chunk));
    this.#socket.write(`  V2SUB ${log} ${channel}\nRDY 100\n`);
  }

  #onChunk(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let answers = "";
    let at = 0;
    while (bytes.length - at >= 4 && bytes.length - at - 4 >= bytes.readUInt32BE(at)) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (bytes.readUInt32BE(at + 4) === messageFrame) answers += this.#onMessage(bytes.subarray(at + 8, end));
      else if (bytes.toString("latin1", at + 8, end) === "_heartbeat_") answers += "NOP\n";
      at = end;
    }
    this.#rest = bytes.subarray(at);
    if (answers !== "") this.#socket.write(answers);
  }

  #onMessage(message: Buffer): string {
    const { chance, ledger, requeueOneIn = 50 } = this.#options;
    const id = message.toString("latin1", 10, 26);
    if (requeueOneIn > 0 && chance.below(requeueOneIn) === 0) return `REQ ${id} ${chance.below(30)}\n`;
    ledger.addFinished(message.subarray(26));
    return `FIN ${id}\n`;
  }

  close(): void {
    this.#socket.destroy();
  }
}
