/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) as a method of MQTT 5's enhanced authentication, without channel binding.
 *
 *     client   n,,n=user,r=nonce                        CONNECT
 *     server   r=nonce+more,s=salt,i=iterations         AUTH 0x18
 *     client   c=biws,r=nonce+more,p=proof              AUTH 0x18
 *     server   v=signature                              CONNACK, or AUTH 0x00
 *
 * The server keeps no password: salt, iterations, StoredKey and ServerKey. A user who does not exist is refused after the last
 * step, with a salt that is the same each time, so that nobody learns who exists.
 */

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Principal } from "@polylog/broker";
import type { Authentication, AuthenticationStep } from "./authentication.ts";

export const scramMethod = "SCRAM-SHA-256";

export interface ScramKeys {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export interface ScramUsers {
  /** Undefined: there is no such user. */
  find(userName: string): ScramKeys | undefined;
  /** What salts of users that do not exist are made of; kept for long. */
  readonly secret: Buffer;
}

const iterationsDefault = 4096;
const nonceSize = 18;

/** What a server keeps of a password. Slow: it is meant to be. */
export function scramKeysOf(password: string, salt: Buffer, iterations: number = iterationsDefault): ScramKeys {
  const salted = pbkdf2Sync(password.normalize("NFKC"), salt, iterations, 32, "sha256");
  const storedKey = createHash("sha256").update(hmac(salted, "Client Key")).digest();
  return { salt, iterations, storedKey, serverKey: hmac(salted, "Server Key") };
}

interface FirstStep {
  /** The gs2-header as it came; the last message has to repeat it (RFC 5802, section 5.1, `c`). */
  readonly header: string;
  readonly userName: string;
  readonly keys: ScramKeys | undefined;
  readonly nonce: string;
  readonly bare: string;
  readonly answer: string;
}

export class ScramAuthentication implements Authentication {
  readonly method = scramMethod;
  readonly #users: ScramUsers;
  readonly #serverNonce: string;
  #first: FirstStep | undefined;

  /** `serverNonce`: for tests with known vectors. */
  constructor(users: ScramUsers, serverNonce: string = randomBytes(nonceSize).toString("base64")) {
    this.#users = users;
    this.#serverNonce = serverNonce;
  }

  step(data: Buffer | undefined): AuthenticationStep {
    const text = data?.toString() ?? "";
    return this.#first === undefined ? this.#begin(text) : this.#finish(text);
  }

  #begin(text: string): AuthenticationStep {
    const match = /^([ny],(?:a=[^,]*)?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+))$/.exec(text);
    if (match === null) return refused("the first message is not one of SCRAM without channel binding");
    const [, header = "", bare = "", escaped = "", clientNonce = ""] = match;
    const userName = escaped.replaceAll("=2C", ",").replaceAll("=3D", "=");
    const keys = this.#users.find(userName);
    const salt = keys?.salt ?? hmac(this.#users.secret, userName).subarray(0, 16);
    const nonce = clientNonce + this.#serverNonce;
    const answer = `r=${nonce},s=${salt.toString("base64")},i=${keys?.iterations ?? iterationsDefault}`;
    this.#first = { header, userName, keys, nonce, bare, answer };
    return { type: "continue", data: Buffer.from(answer) };
  }

  #finish(text: string): AuthenticationStep {
    const { header, userName, keys, nonce, bare, answer } = this.#first!;
    const match = /^(c=([^,]+),r=([^,]+)),p=([^,]+)$/.exec(text);
    if (match === null) return refused("the last message is not one of SCRAM");
    const [, withoutProof = "", binding = "", nonceAgain = "", proofText = ""] = match;
    if (Buffer.from(binding, "base64").toString() !== header || nonceAgain !== nonce)
      return refused("the last message does not belong to the first");
    const message = `${bare},${answer},${withoutProof}`;
    const proof = Buffer.from(proofText, "base64");
    if (keys === undefined || !isProof(keys, message, proof)) return refused("user or password is not right");
    const principal: Principal = { name: userName };
    return { type: "done", principal, data: Buffer.from(`v=${hmac(keys.serverKey, message).toString("base64")}`) };
  }
}

function isProof({ storedKey }: ScramKeys, message: string, proof: Buffer): boolean {
  const signature = hmac(storedKey, message);
  if (proof.length !== signature.length) return false;
  const clientKey = Buffer.alloc(signature.length);
  for (let i = 0; i < signature.length; i++) clientKey[i] = proof[i] ^ signature[i];
  return timingSafeEqual(createHash("sha256").update(clientKey).digest(), storedKey);
}

function refused(reason: string): AuthenticationStep {
  return { type: "refused", reason };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
