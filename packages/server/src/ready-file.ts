/** Tells whoever started the server where it listens, in one step and only when every listener accepts. */

import { rename, rm, writeFile } from "node:fs/promises";
import type { ListenAddress } from "@polylog/base/transport";

export interface ReadyReport {
  readonly pid: number;
  readonly version: string;
  /** Only listeners that are on. */
  readonly listeners: Readonly<Record<string, ListenAddress>>;
}

export async function writeReadyFile(path: string, report: ReadyReport): Promise<void> {
  const temporary = `${path}.${report.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(report)}\n`);
  await rename(temporary, path);
}

export async function removeReadyFile(path: string): Promise<void> {
  await rm(path, { force: true });
}
