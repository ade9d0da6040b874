/**
 * Lanes for the statements of many users. Of those who wait each user has a turn, and nobody who has a lane gets the last free
 * one: however many slow queries one sends, the short ones of others go on. The statements of one user begin in their order.
 */

import { crateErrors } from "../errors.ts";
import type { Lane } from "./lane.ts";

type Begin = (lane: Lane) => void;

export class FairLanes {
  readonly #free: Lane[];
  /** Whether there is one to keep for others. */
  readonly #keepsOne: boolean;
  /** Lanes that users have; none has 0. */
  readonly #held = new Map<string, number>();
  /** The user whose turn is next first; none is empty. */
  readonly #queues = new Map<string, Begin[]>();

  constructor(lanes: readonly Lane[]) {
    this.#free = [...lanes];
    this.#keepsOne = lanes.length > 1;
  }

  /** Does `work` in a lane, in `schema`. Rejects with KILLED when it takes too long or is aborted, also while it waits. */
  async run<T>(user: string, schema: string, aborted: AbortSignal, work: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = await this.#acquire(user, aborted);
    try {
      return await lane.run(schema, aborted, () => work(lane));
    } finally {
      this.#release(user, lane);
    }
  }

  #acquire(user: string, aborted: AbortSignal): Promise<Lane> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#leave(user, begin);
        reject(crateErrors.KILLED({ reason: "its client went away" }));
      };
      const begin = (lane: Lane): void => {
        aborted.removeEventListener("abort", onAbort);
        resolve(lane);
      };
      if (aborted.aborted) return onAbort();
      aborted.addEventListener("abort", onAbort);
      const queue = this.#queues.get(user);
      if (queue === undefined) this.#queues.set(user, [begin]);
      else queue.push(begin);
      this.#serve();
    });
  }

  #release(user: string, lane: Lane): void {
    const left = this.#held.get(user)! - 1;
    if (left === 0) this.#held.delete(user);
    else this.#held.set(user, left);
    this.#free.push(lane);
    this.#serve();
  }

  #serve(): void {
    for (let user = this.#nextUser(); user !== undefined; user = this.#nextUser()) {
      const queue = this.#queues.get(user)!;
      const begin = queue.shift()!;
      this.#queues.delete(user);
      if (queue.length > 0) this.#queues.set(user, queue); // Behind the others.
      this.#held.set(user, (this.#held.get(user) ?? 0) + 1);
      begin(this.#free.pop()!);
    }
  }

  #nextUser(): string | undefined {
    if (this.#free.length === 0) return undefined;
    const isLast = this.#keepsOne && this.#free.length === 1;
    for (const user of this.#queues.keys()) if (!(isLast && this.#held.has(user))) return user;
    return undefined;
  }

  #leave(user: string, begin: Begin): void {
    const queue = this.#queues.get(user);
    if (queue === undefined) return;
    const rest = queue.filter((each) => each !== begin);
    if (rest.length > 0) this.#queues.set(user, rest);
    else this.#queues.delete(user);
  }
}
