/** Rows over CrateDB's HTTP: `bulk_args`, an outcome per row. */

import type { CrateAnswer } from "./crate-client.ts";
import { faultOfAnswer, InsertFault, isPassing } from "./fault.ts";
import { ignored, type RowResult, type RowsTransport, written } from "./rows-transport.ts";

/** As answers have it; `error_message` before 5.x, nothing before 4.x. */
interface BulkResult {
  readonly rowcount: number;
  readonly error?: { readonly code?: number; readonly message?: string };
  readonly error_message?: string;
}

/** Whoever gets a body to an endpoint: `CrateClient`, or one that needs no network. */
export interface CratePoster {
  /** Rejects with `InsertFault` when no answer came. */
  post(body: string, aborted: AbortSignal): Promise<CrateAnswer>;
  close(): void | Promise<void>;
}

export class CrateTransport implements RowsTransport {
  readonly #client: CratePoster;
  readonly #head: string;

  /** `statement`: an INSERT with one parameter per value of a row. */
  constructor(client: CratePoster, statement: string) {
    this.#client = client;
    this.#head = `{"stmt":${JSON.stringify(statement)},"bulk_args":[`;
  }

  async insert(rows: readonly string[], aborted: AbortSignal): Promise<readonly RowResult[]> {
    const { status, text } = await this.#client.post(`${this.#head}${rows.join(",")}]}`, aborted);
    if (status !== 200) throw faultOfAnswer(status, text);
    return resultsIn(text, rows.length);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function resultsIn(text: string, count: number): RowResult[] {
  let results: readonly BulkResult[];
  try {
    ({ results } = JSON.parse(text) as { results: readonly BulkResult[] });
    if (results.length !== count) throw new RangeError(`${results.length} results for ${count} rows`);
  } catch (error) {
    throw new InsertFault("unknown", "EANSWER", `the answer cannot be understood: ${(error as Error).message}`, error);
  }
  return results.map(resultOf);
}

function resultOf({ rowcount, error, error_message: text }: BulkResult): RowResult {
  if (rowcount > 0) return written;
  if (rowcount === 0) return ignored;
  const fate = isPassing(error?.code ?? 0) ? "later" : "refused";
  return { fate, code: String(error?.code ?? ""), message: error?.message ?? text ?? "the database did not say why" };
}
