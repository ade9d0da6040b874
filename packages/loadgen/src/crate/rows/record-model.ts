/**
 * The documented table: ten columns, and `obj_0` and so on beside them.
 *
 * Hot: `row-models.bench.ts` shows its cost.
 */

import { SeededRandom } from "./random.ts";
import type { RowIds } from "./row-ids.ts";
import { RowText } from "./row-text.ts";
import type { RowModel, RowSource, TableShape } from "./table-shape.ts";

const regions = ["us-east", "us-west", "eu-central", "ap-southeast"];
const categories = ["electronics", "books", "clothing", "home", "sports"];
const events = ["view", "click", "purchase", "cart_add", "cart_remove"];
const segments = ["premium", "standard", "basic", "trial"];
const userCount = 10_000;
/** Amounts are whole cents from 1.00 to 1000.00. */
const centsMin = 100;
const centsMax = 100_000;
const quantityMax = 100;
const browserCount = 5;
const systemCount = 3;
const viewsMax = 20;
const referrerCount = 10;
const objectValuesMin = 3;
const objectValuesMax = 8;
/** Bytes of the ten columns and of each further one, with room to spare. */
const rowSizeMax = 1024;
const objectSizeMax = 32;

/** `objects`: how many columns `obj_i` there are. */
export function recordModel(objects: number): RowModel {
  const extra = Array.from({ length: objects }, (_, i) => ({ name: `obj_${i}`, type: "TEXT" }));
  const shape: TableShape = {
    columns: [
      { name: "id", type: "TEXT" },
      { name: "timestamp", type: "TIMESTAMP WITH TIME ZONE" },
      { name: "region", type: "TEXT" },
      { name: "product_category", type: "TEXT" },
      { name: "event_type", type: "TEXT" },
      { name: "user_id", type: "INTEGER" },
      { name: "user_segment", type: "TEXT" },
      { name: "amount", type: "DOUBLE PRECISION" },
      { name: "quantity", type: "INTEGER" },
      { name: "metadata", type: "OBJECT(DYNAMIC)" },
      ...extra,
    ],
    primaryKey: ["id"],
  };
  return { shape, source: (seed, thread, ids) => new RecordSource(seed, thread, ids, objects) };
}

class RecordSource implements RowSource {
  readonly #random: SeededRandom;
  readonly #ids: RowIds;
  readonly #text: RowText;
  /** The values of each column `obj_i`, in the same for all threads. */
  readonly #objectValues: readonly (readonly string[])[];

  constructor(seed: number, thread: number, ids: RowIds, objects: number) {
    this.#random = new SeededRandom(seed, thread);
    this.#ids = ids;
    this.#text = new RowText(rowSizeMax + objects * objectSizeMax);
    const random = new SeededRandom(seed, 0x0b1);
    this.#objectValues = Array.from({ length: objects }, (_, i) => {
      const length = objectValuesMin + random.below(objectValuesMax - objectValuesMin + 1);
      return Array.from({ length }, (_value, j) => `,"obj${i}_val_${j}"`);
    });
  }

  row(now: string): string {
    const random = this.#random;
    const text = this.#text;
    text.put('["');
    this.#ids.putNext(text);
    text.put('",');
    text.put(now);
    text.put(',"');
    text.put(pick(random, regions));
    text.put('","');
    text.put(pick(random, categories));
    text.put('","');
    text.put(pick(random, events));
    text.put('",');
    text.number(1 + random.below(userCount));
    text.put(',"');
    text.put(pick(random, segments));
    text.put('",');
    const cents = centsMin + random.below(centsMax - centsMin + 1);
    const rest = cents % 100;
    text.number((cents - rest) / 100);
    text.put(rest < 10 ? ".0" : ".");
    text.number(rest);
    text.put(",");
    text.number(1 + random.below(quantityMax));
    this.#putMetadata();
    for (let i = 0; i < this.#objectValues.length; i++) text.put(pick(random, this.#objectValues[i]!));
    text.put("]");
    return text.take();
  }

  #putMetadata(): void {
    const random = this.#random;
    const text = this.#text;
    text.put(',{"browser":"Browser-');
    text.number(1 + random.below(browserCount));
    text.put('","os":"OS-');
    text.number(1 + random.below(systemCount));
    text.put('","session_id":"');
    text.uuid(random.next32(), random.next32(), random.next32(), random.next32());
    text.put('","page_views":');
    text.number(1 + random.below(viewsMax));
    text.put(',"referrer":"ref-');
    text.number(1 + random.below(referrerCount));
    text.put('"}');
  }
}

function pick(random: SeededRandom, values: readonly string[]): string {
  return values[random.below(values.length)]!;
}
