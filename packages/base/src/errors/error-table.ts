/**
 * Errors are values with codes. Each package declares one table; every row gives the code (its key), the text,
 * and what a caller may do about it. Types, factories and the reference page `docs/reference/errors.md` all come
 * from that table, so the three cannot disagree.
 *
 *     export const logErrors = defineErrors("log", {
 *       OFFSET_OUT_OF_RANGE: { text: "offset {offset} is outside {low}..{high}", help: "read from {low} or later" },
 *     });
 *     throw logErrors.OFFSET_OUT_OF_RANGE({ offset: 9, low: 10, high: 20 });
 *
 * Codes are never reused or renumbered: a retired code stays in its table with `retired: true`.
 */

export interface ErrorRow {
  /** What is wrong and where, with `{placeholders}` that become the factory's parameters. */
  readonly text: string;
  /** What the reader can do about it. May use the same placeholders. */
  readonly help?: string;
  /** True when the same request may succeed later without being changed. Default false. */
  readonly retryable?: boolean;
  /** True when the connection, partition or process it concerns cannot go on. Default false. */
  readonly fatal?: boolean;
  /** The number or word that the package's protocol puts on the wire for it, if it has one. */
  readonly wireCode?: number | string;
  /** The code is listed only so that nobody reuses it. */
  readonly retired?: boolean;
}

export type ErrorTable = Readonly<Record<string, ErrorRow>>;

/** The `{placeholders}` in a text, as a union of names. */
type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;

type Row<R> = R extends { text: infer T extends string } ? T : never;
type Details<Text extends string> = Readonly<Record<Placeholders<Text>, string | number>>;

/** Takes the placeholders' values, or nothing when the text has none, and an optional cause. */
type Factory<Text extends string> = [Placeholders<Text>] extends [never]
  ? (details?: Readonly<Record<string, never>>, cause?: unknown) => PolylogError
  : (details: Details<Text>, cause?: unknown) => PolylogError;

export type ErrorFactories<T extends ErrorTable> = {
  readonly [Code in keyof T]: Factory<Row<T[Code]>>;
} & {
  /** The table itself, for documents and for mapping codes to a protocol's own. */
  readonly table: T;
};

/** An error with a code from one of the tables. `message` is the filled-in text, with the help after it. */
export class PolylogError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly fatal: boolean;
  readonly wireCode: number | string | undefined;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: string, row: ErrorRow, details: Readonly<Record<string, string | number>>, cause: unknown) {
    const help = row.help === undefined ? "" : `; ${fill(row.help, details)}`;
    super(fill(row.text, details) + help, cause === undefined ? undefined : { cause });
    this.name = "PolylogError";
    this.code = code;
    this.retryable = row.retryable ?? false;
    this.fatal = row.fatal ?? false;
    this.wireCode = row.wireCode;
    this.details = details;
  }
}

/** What every `PolylogError` shows, for code that only reads errors. */
export type CodedError = Pick<PolylogError, "code" | "message" | "retryable" | "fatal" | "wireCode">;

/**
 * Turns a table into one factory per code. `subject` prefixes every code, in lower case: `log.OFFSET_OUT_OF_RANGE`,
 * so that a code names its package wherever it is printed.
 */
export function defineErrors<const T extends ErrorTable>(subject: string, table: T): ErrorFactories<T> {
  const factories: Record<string, unknown> = { table };
  for (const [name, row] of Object.entries(table)) {
    const code = `${subject}.${name}`;
    factories[name] = (details: Readonly<Record<string, string | number>> = {}, cause?: unknown) =>
      new PolylogError(code, row, details, cause);
  }
  return factories as ErrorFactories<T>;
}

/** True for a `PolylogError`, and with `code` given only for that one. */
export function isCodedError(error: unknown, code?: string): error is PolylogError {
  return error instanceof PolylogError && (code === undefined || error.code === code);
}

function fill(text: string, details: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in details ? String(details[name]) : whole));
}
