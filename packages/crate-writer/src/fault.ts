/**
 * Why a whole request failed, and what may be done about it. CrateDB tells by status, number and sometimes only by words;
 * a full thread pool answers 429 with nothing at all.
 */

/**
 * - `later`: nothing was written; the same again after a pause
 * - `smaller`: nothing was written; it was too much at once
 * - `row`: nothing was written, for the sake of a row or of several; the others may go without them
 * - `unknown`: perhaps it was written: the connection broke, or the answer did not come
 * - `refused`: it will never go
 */
export type FaultKind = "later" | "smaller" | "row" | "unknown" | "refused";

export class InsertFault extends Error {
  readonly kind: FaultKind;
  /** CrateDB's number, PostgreSQL's SQLSTATE, the HTTP status, or Node's code. */
  readonly code: string;

  constructor(kind: FaultKind, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "InsertFault";
    this.kind = kind;
    this.code = code;
  }
}

/** Numbers after which the same request may go: unavailable, no master, shards, too many requests. */
const passing: ReadonlySet<number> = new Set([4290, 5002, 5030, 5031, 5032, 5033, 5034, 5035]);
/** Numbers of 400 that are about the statement, whatever its rows are: analyzers, names, what is not supported. */
const ofStatement: ReadonlySet<number> = new Set([4001, 4002, 4004, 4005, 4006, 4007, 40013]);
const tooMuch = /CircuitBreakingException|Data too large/;

/** `text`: the body of an answer that is no success. */
export function faultOfAnswer(status: number, text: string): InsertFault {
  const { code, message } = errorIn(text);
  const said = message ?? (text.trim() === "" ? `HTTP ${status} without a body` : text.slice(0, 500));
  const number = String(code ?? status);
  if (status === 413 || tooMuch.test(said)) return new InsertFault("smaller", number, said);
  if (status === 429 || status === 503 || isPassing(code ?? 0)) return new InsertFault("later", number, said);
  // A proxy that gave up waiting does not know either.
  if (status === 502 || status === 504) return new InsertFault("unknown", number, said);
  if ((status === 400 || status === 409) && !ofStatement.has(code ?? 0)) return new InsertFault("row", number, said);
  return new InsertFault("refused", number, said);
}

/** Whether a row, or a request, with this number may go later. */
export function isPassing(code: number): boolean {
  return passing.has(code);
}

/** Codes of Node with which a request has not even begun. */
const unreached: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

export function faultOfSocket(error: NodeJS.ErrnoException): InsertFault {
  const code = error.code ?? "EUNKNOWN";
  return new InsertFault(unreached.has(code) ? "later" : "unknown", code, error.message, error);
}

function errorIn(text: string): { code?: number; message?: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } | string };
    if (typeof error === "string") return { message: error };
    return {
      ...(typeof error?.code === "number" && { code: error.code }),
      ...(typeof error?.message === "string" && { message: error.message }),
    };
  } catch {
    return {};
  }
}
