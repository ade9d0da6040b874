/**
 * Hands out epochs to producers with an id, and fences the earlier lives of each.
 *
 *     producer/<id>    JSON {"epoch": number}   the last one handed out for the id
 *     producer-epoch   JSON {"epoch": number}   the last one handed out at all
 *
 * Opening a producer ends every lower epoch of it at once, in all logs: what such a zombie sends is refused from then on,
 * and what it sent before has its place in the log in front of anything that the new life sends. The new epoch is saved and
 * synced before it is answered, so a restart does not let the zombie in again.
 *
 * Epochs rise over all producers together: whoever is forgotten, here or in a partition, gets one that is higher than any
 * from before when it is opened again. Of too many producers the one that was not used for longest is forgotten; after a
 * restart, the one that was opened first.
 */

import { isProducerId, logErrors, type StateOperation, type StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";

const prefix = "producer/";
const counterKey = "producer-epoch";

export class ProducerRegistry {
  readonly #state: StateStore;
  readonly #producersMax: number;
  /** The epoch that is good for each id; the one not used for longest first. */
  readonly #epochs = new Map<string, number>();
  #epochLast = 0;

  constructor(state: StateStore, producersMax: number) {
    this.#state = state;
    this.#producersMax = producersMax;
  }

  get size(): number {
    return this.#epochs.size;
  }

  /** `epochMax`: the highest that a log knows of; it counts when the state was lost. STATE_DAMAGED. */
  async load(epochMax: number): Promise<void> {
    const rows: [id: string, epoch: number][] = [];
    for await (const [key, row] of this.#state.entries(prefix)) rows.push([key.slice(prefix.length), decode(key, row)]);
    rows.sort(([, one], [, other]) => one - other);
    for (const [id, epoch] of rows) this.#epochs.set(id, epoch);
    const counter = await this.#state.get(counterKey);
    this.#epochLast = Math.max(epochMax, 0, counter === undefined ? 0 : decode(counterKey, counter));
  }

  /** Begins a life of the producer and ends those before it; resolves with its epoch once that is synced.
   * PRODUCER_ID_INVALID, STATE_WRITE_FAILED; the earlier lives may have ended then. */
  async open(id: string): Promise<number> {
    if (!isProducerId(id)) throw brokerErrors.PRODUCER_ID_INVALID({ id });
    const epoch = ++this.#epochLast;
    this.#epochs.delete(id);
    this.#epochs.set(id, epoch);
    const value = Buffer.from(JSON.stringify({ epoch }));
    const operations: StateOperation[] = [
      { type: "put", key: prefix + id, value },
      { type: "put", key: counterKey, value },
    ];
    for (const forgotten of this.#epochs.keys()) {
      if (this.#epochs.size <= this.#producersMax) break;
      this.#epochs.delete(forgotten);
      operations.push({ type: "delete", key: prefix + forgotten });
    }
    try {
      await this.#state.write(operations, { sync: true });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw brokerErrors.STATE_WRITE_FAILED({ reason }, error);
    }
    return epoch;
  }

  /** Throws log.PRODUCER_FENCED when the producer was opened again, log.PRODUCER_UNKNOWN when this epoch is not its. */
  check(id: string, epoch: number): void {
    const epochCurrent = this.#epochs.get(id);
    if (epochCurrent === undefined || epoch > epochCurrent) throw logErrors.PRODUCER_UNKNOWN({ id, epoch });
    if (epoch < epochCurrent) throw logErrors.PRODUCER_FENCED({ id, epoch, epochCurrent });
    this.#epochs.delete(id);
    this.#epochs.set(id, epoch);
  }
}

function decode(key: string, row: Buffer): number {
  try {
    const { epoch } = JSON.parse(row.toString("utf8")) as { epoch?: unknown };
    if (Number.isSafeInteger(epoch)) return epoch as number;
  } catch (error) {
    throw brokerErrors.STATE_DAMAGED({ key }, error);
  }
  throw brokerErrors.STATE_DAMAGED({ key });
}
