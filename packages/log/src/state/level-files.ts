/**
 * Looks for damage that LevelDB would pass over in silence, before LevelDB opens the directory and deletes the evidence.
 *
 * - Without CURRENT it starts an empty store and deletes the tables. So tables or journals without CURRENT are damage.
 * - In a journal it drops a bad record and the rest of its block, and reads on. So a good record behind a bad one is
 *   damage. A bad end of a journal is not: that is what a crash leaves of a write that nobody was told had succeeded.
 *   (A whole last record that went bad later looks the same.)
 *
 * A journal is `NNNNNN.log`: blocks of 32,768 bytes, in each of which records follow one another; fewer than 7 bytes
 * left in a block are padding. Integers are little-endian.
 *
 *     offset  size  field
 *     0       4     CRC-32C of the type and the data, rotated right by 15 bits, plus 0xa282ead8
 *     4       2     length of the data; the record ends within its block
 *     6       1     type: 1 whole, 2 first, 3 middle, 4 last part
 *     7       …     data
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const blockSize = 32_768;
const headerSize = 7;

/** Says what is damaged, for people; undefined when nothing is, or when there is no store yet. */
export async function checkLevelFiles(directory: string): Promise<string | undefined> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const journals = names.filter((name) => /^\d+\.log$/.test(name));
  const tables = names.filter((name) => /^\d+\.(ldb|sst)$/.test(name));
  if (journals.length + tables.length > 0 && !names.includes("CURRENT")) return "its file CURRENT is missing";
  for (const name of journals) {
    const offset = findJournalDamage(await readFile(join(directory, name)));
    if (offset !== undefined) return `journal ${name} has a bad record at byte ${offset} and good ones after it`;
  }
  return undefined;
}

/** The offset of the first bad record that a good one follows; undefined when there is none. */
export function findJournalDamage(journal: Uint8Array): number | undefined {
  let bad: number | undefined;
  for (let block = 0; block < journal.length; block += blockSize) {
    const blockEnd = Math.min(block + blockSize, journal.length);
    let at = block;
    while (blockEnd - at >= headerSize) {
      const end = recordEnd(journal, at, blockEnd);
      if (end !== undefined && bad !== undefined) return bad;
      bad ??= end === undefined ? at : undefined;
      at = end ?? at + 1; // Behind a bad record the next may begin anywhere.
    }
  }
  return undefined;
}

/** Where the record at `at` ends, if it is a good one. */
function recordEnd(journal: Uint8Array, at: number, blockEnd: number): number | undefined {
  const type = journal[at + 6]!;
  const end = at + headerSize + journal[at + 4]! + journal[at + 5]! * 256;
  if (type < 1 || type > 4 || end > blockEnd) return undefined;
  const crc = crc32c(journal, at + 6, end);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) | 0;
  const stored = journal[at]! | (journal[at + 1]! << 8) | (journal[at + 2]! << 16) | (journal[at + 3]! << 24);
  return masked === stored ? end : undefined;
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1;
  for (let at = start; at < end; at++) crc = crcTable[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc;
}
