/**
 * A password as it may stand in a file:
 *
 *     scrypt$<log2 of N>$<r>$<p>$<salt>$<hash>      salt and hash as base64url
 *
 * New ones take 2^15, 8, 1: 32 MiB and some tens of milliseconds for each try. Others are taken up to 2^17 and 8, so that a
 * file cannot make the server run out of memory.
 */

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

const costLog2 = 15;
const costLog2Max = 17;
const blockSize = 8;
const saltSize = 16;
const hashSize = 32;

export async function hashPassword(password: string | Uint8Array): Promise<string> {
  const salt = randomBytes(saltSize);
  const hash = await derive(password, salt, { costLog2, parallelization: 1, size: hashSize });
  return ["scrypt", costLog2, blockSize, 1, salt.toString("base64url"), hash.toString("base64url")].join("$");
}

/** Whether the text is what `hashPassword` writes. */
export function isPasswordHash(text: string): boolean {
  return parse(text) !== undefined;
}

/** False for a wrong password, and for a text that is no hash. */
export async function verifyPassword(text: string, password: string | Uint8Array): Promise<boolean> {
  const parsed = parse(text);
  if (parsed === undefined) return false;
  const { salt, hash, ...cost } = parsed;
  return timingSafeEqual(await derive(password, salt, { ...cost, size: hash.length }), hash);
}

interface Cost {
  readonly costLog2: number;
  readonly parallelization: number;
}

function parse(text: string): (Cost & { readonly salt: Buffer; readonly hash: Buffer }) | undefined {
  const match = /^scrypt\$(\d{1,2})\$8\$([1-4])\$([\w-]+)\$([\w-]+)$/.exec(text);
  if (match === null) return undefined;
  const [, log2, parallelization, salt, hash] = match.map(String);
  const parsed = {
    costLog2: Number(log2),
    parallelization: Number(parallelization),
    salt: Buffer.from(salt!, "base64url"),
    hash: Buffer.from(hash!, "base64url"),
  };
  const isUsable = parsed.costLog2 >= 10 && parsed.costLog2 <= costLog2Max && parsed.hash.length >= 16;
  return isUsable ? parsed : undefined;
}

function derive(password: string | Uint8Array, salt: Buffer, cost: Cost & { readonly size: number }): Promise<Buffer> {
  const { parallelization, size } = cost;
  const N = 2 ** cost.costLog2;
  const options = { N, r: blockSize, p: parallelization, maxmem: 2 * 128 * N * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, size, options, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
}
