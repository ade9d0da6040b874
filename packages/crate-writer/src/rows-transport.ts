/** How a batch gets to a database: over CrateDB's HTTP or PostgreSQL's protocol. */

/** What became of one row. */
export interface RowResult {
  /** `ignored`: ON CONFLICT passed over it. `later`: it may go in another request. */
  readonly fate: "written" | "ignored" | "refused" | "later";
  /** Of a refused row; empty where the database did not say. */
  readonly code: string;
  readonly message: string;
}

export const written: RowResult = { fate: "written", code: "", message: "" };
export const ignored: RowResult = { fate: "ignored", code: "", message: "" };

export interface RowsTransport {
  /** `rows`: each a JSON array of values. Answers one result a row. Rejects with `InsertFault` when the whole request failed. */
  insert(rows: readonly string[], aborted: AbortSignal): Promise<readonly RowResult[]>;
  close(): Promise<void>;
}
