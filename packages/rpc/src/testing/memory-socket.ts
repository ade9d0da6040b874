/** A WebSocket without a network: what the server sends is kept, and taking it can be held up. */

import type { JsonText } from "../records/json-parts.ts";
import type { TextSocket } from "../rpc-connection.ts";

/** Pending bytes above which it is full. */
const sizeMark = 1000;

export class MemorySocket implements TextSocket {
  /** Set it to simulate a peer that does not read; `drain` lets it read. */
  stalled = false;
  paused = false;
  corkCount = 0;
  writeCount = 0;
  pingCount = 0;
  closedWith: number | undefined;
  terminated = false;
  /** Called when a full socket has sent everything. */
  onDrain: () => void = () => undefined;
  #needsDrain = false;
  #corked = false;
  #waiting: string[] = [];
  #sent: string[] = [];

  get pendingBytes(): number {
    return this.#waiting.reduce((sum, text) => sum + text.length, 0);
  }

  get isFull(): boolean {
    return this.pendingBytes > sizeMark;
  }

  /** What the peer has received since the last call, parsed. */
  received(): unknown[] {
    return this.#sent.splice(0).map((text) => JSON.parse(text) as unknown);
  }

  /** The peer reads so many of the texts that wait, or all. */
  drain(count = this.#waiting.length): void {
    this.#sent.push(...this.#waiting.splice(0, count));
    if (!this.#needsDrain || this.#waiting.length > 0) return;
    this.#needsDrain = false;
    this.onDrain();
  }

  send(text: JsonText): void {
    this.#waiting.push(typeof text === "string" ? text : Buffer.concat(text).toString());
    if (this.isFull) this.#needsDrain = true;
    if (!this.#corked) this.#write();
  }

  cork(): void {
    this.#corked = true;
    this.corkCount++;
  }

  uncork(): void {
    this.#corked = false;
    this.#write();
  }

  ping(): void {
    this.pingCount++;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  terminate(): void {
    this.terminated = true;
  }

  #write(): void {
    this.writeCount++;
    if (!this.stalled) this.drain();
  }
}
