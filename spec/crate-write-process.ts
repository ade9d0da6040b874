/** Runs the `crate-write` command as a child process, in a directory without `.env`. */

import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

/** The script that Node.js runs. */
export const writeCommand: string = fileURLToPath(
  new URL("../../packages/loadgen/bin/crate-write.js", import.meta.url),
);

export interface WriteProcess {
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
}

export interface WriteOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export function startWrite(argv: readonly string[], { env = {}, cwd = tmpdir() }: WriteOptions = {}): WriteProcess {
  const child = spawn(process.execPath, [writeCommand, ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd,
    env: { ...process.env, LOG_LEVEL: "", ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, stdout, stderr })),
  );
  return { ended, stdout: () => stdout, stderr: () => stderr, kill: (signal) => child.kill(signal) };
}

/** The parts of a result that tests look at; `load-result.ts` of the package has all. */
export interface WriteResult {
  readonly isPartial: boolean;
  readonly endedBy: string;
  readonly rows: Readonly<
    Record<
      | "written"
      | "ignored"
      | "refused"
      | "unknown"
      | "batches"
      | "requests"
      | "failedRequests"
      | "retries"
      | "halvings"
      | "pauses"
      | "acknowledged"
      | "failed",
      number
    >
  >;
  readonly verification: { readonly present: number; readonly agrees: boolean } | undefined;
  readonly database: { readonly kind: string; readonly name: string; readonly isEmbedded: boolean };
  readonly errors: readonly { readonly code: string; readonly count: number; readonly sample: string }[];
  readonly requestErrors: readonly { readonly code: string; readonly count: number }[];
  readonly warnings: readonly string[];
  readonly rates: Readonly<Record<"offered" | "sent" | "received", number>>;
  readonly measuredNs: number;
}

/** Runs to the end with `--json`; throws what it printed when it ended with another code than `code`. */
export async function write(argv: readonly string[], code = 0, options: WriteOptions = {}): Promise<WriteResult> {
  const ended = await startWrite([...argv, "--json"], options).ended;
  if (ended.code !== code) throw new Error(`crate-write ended with ${ended.code}: ${ended.stderr}${ended.stdout}`);
  return JSON.parse(ended.stdout) as WriteResult;
}
