/**
 * Rows as columns: `INSERT … SELECT * FROM UNNEST(?, ?, …)`. The database reads one list per column, and answers with one
 * number for all rows: which of them it left out, nobody knows. Rows come as JSON and are taken apart here, which costs
 * about as much again as making them.
 */

import {
  type CratePoster,
  faultOfAnswer,
  InsertFault,
  type RowResult,
  type RowsTransport,
} from "@polylog/crate-writer";

const written: RowResult = { fate: "written", code: "", message: "" };
const ignored: RowResult = { fate: "ignored", code: "", message: "" };
const leftOut: RowResult = {
  fate: "refused",
  code: "UNNEST",
  message: "the database wrote fewer rows than it was given, and does not say which",
};

export class UnnestTransport implements RowsTransport {
  readonly #client: CratePoster;
  readonly #statement: string;
  readonly #mayIgnore: boolean;

  /** `mayIgnore`: the statement has ON CONFLICT DO NOTHING, so that rows left out were there. */
  constructor(client: CratePoster, statement: string, mayIgnore: boolean) {
    this.#client = client;
    this.#statement = statement;
    this.#mayIgnore = mayIgnore;
  }

  async insert(rows: readonly string[], aborted: AbortSignal): Promise<readonly RowResult[]> {
    const values = JSON.parse(`[${rows.join(",")}]`) as readonly (readonly unknown[])[];
    const args = values[0]!.map((_, column) => values.map((row) => row[column]));
    const { status, text } = await this.#client.post(JSON.stringify({ stmt: this.#statement, args }), aborted);
    if (status !== 200) throw faultOfAnswer(status, text);
    const rowcount = rowcountIn(text, rows.length);
    const rest = this.#mayIgnore ? ignored : leftOut;
    return rows.map((_, i) => (i < rowcount ? written : rest));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function rowcountIn(text: string, most: number): number {
  try {
    const { rowcount } = JSON.parse(text) as { rowcount: unknown };
    if (typeof rowcount !== "number" || rowcount < 0 || rowcount > most)
      throw new RangeError(`rowcount ${String(rowcount)} for ${most} rows`);
    return rowcount;
  } catch (error) {
    throw new InsertFault("unknown", "EANSWER", `the answer cannot be understood: ${(error as Error).message}`, error);
  }
}
