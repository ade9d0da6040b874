/**
 * AUTH: hands over a secret, before SUB.
 *
 *     "AUTH" LF, int32 size (1..max-body-size), size bytes of secret
 *
 * The only command that refuses extra parameters. Reply: JSON of `AuthResponse`.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { bodyErrors, type CommandLine, type CommandRow } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import { encodeGoJson } from "../go-json.ts";
import { decodeResponseFields } from "./identify-response.ts";

export const auth: CommandRow = { name: "AUTH", body: "sized", errors: bodyErrors, checkLine };

/** With the wire's own keys, in its order. */
export interface AuthResponse {
  identity: string;
  identity_url: string;
  /** Number of authorizations the secret has. */
  permission_count: number;
}

const absent: AuthResponse = { identity: "", identity_url: "", permission_count: 0 };

function checkLine(line: CommandLine): void {
  if (line.paramCount > 0) throw nsqWireErrors.AUTH_PARAMETERS();
}

/** The secret of an AUTH that was read, as the bytes it came in. */
export function decodeAuth(line: CommandLine): Buffer {
  return line.bytes.subarray(line.bodyStart, line.bodyEnd);
}

/** Writes the command. Throws BODY_SIZE_INVALID for an empty secret. */
export function encodeAuth(writer: ByteWriter, secret: Uint8Array): void {
  if (secret.length === 0) throw nsqWireErrors.BODY_SIZE_INVALID({ command: "AUTH", size: 0 });
  writer.utf8("AUTH\n");
  writer.u32be(secret.length);
  writer.bytes(secret);
}

/** The body of the response frame. */
export function encodeAuthResponse(fields: AuthResponse): Buffer {
  return Buffer.from(encodeGoJson({ ...absent, ...fields }), "utf8");
}

/** Reads the JSON reply in `bytes[start, end)`. Throws RESPONSE_UNDECODABLE. */
export function decodeAuthResponse(bytes: Buffer, start: number, end: number): AuthResponse {
  return decodeResponseFields("AUTH", bytes.toString("utf8", start, end), absent);
}
