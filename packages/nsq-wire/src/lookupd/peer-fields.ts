/**
 * The two documents of IDENTIFY: what an nsqd says of itself, and what the nsqlookupd answers. Decoded as Go's encoding/json
 * does it: `null` is "unset", unknown keys are ignored, keys match whatever their case, an integer has no fraction and no
 * exponent and fits 64 bits.
 */

import { decodeJsonString, encodeGoJson, foldKey, scanJsonObject } from "../go-json.ts";
import { lookupdWireErrors } from "./errors.ts";

/** Of an nsqd, with the wire's own keys. */
export interface PeerFields {
  hostname: string;
  broadcast_address: string;
  tcp_port: number;
  http_port: number;
  version: string;
  topology_zone: string;
  topology_region: string;
}

/** Of the nsqlookupd. What it left out is "" or 0. */
export interface LookupdFields {
  broadcast_address: string;
  hostname: string;
  http_port: number;
  tcp_port: number;
  version: string;
}

/** `remote_address` is no field to set, but has a type that is checked. */
const peerTemplate: PeerFields & { remote_address: string } = {
  remote_address: "",
  hostname: "",
  broadcast_address: "",
  tcp_port: 0,
  http_port: 0,
  version: "",
  topology_zone: "",
  topology_region: "",
};

const lookupdTemplate: LookupdFields = {
  broadcast_address: "",
  hostname: "",
  http_port: 0,
  tcp_port: 0,
  version: "",
};

/** Reads what an nsqd says in `bytes[start, end)`. BODY_UNDECODABLE, MISSING_FIELDS. */
export function decodePeerFields(bytes: Buffer, start: number, end: number): PeerFields {
  const fields = decodeFields(bytes.toString("utf8", start, end), peerTemplate);
  if (fields === undefined) throw lookupdWireErrors.BODY_UNDECODABLE();
  const { remote_address: _, ...peer } = fields;
  if (peer.broadcast_address === "" || peer.tcp_port === 0 || peer.http_port === 0 || peer.version === "")
    throw lookupdWireErrors.MISSING_FIELDS();
  return peer;
}

/** The answer's text, as a byte string, keys sorted. */
export function encodeLookupdFields(fields: LookupdFields): string {
  const { broadcast_address, hostname, http_port, tcp_port, version } = fields;
  const text = encodeGoJson({ broadcast_address, hostname, http_port, tcp_port, version });
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Reads the answer to IDENTIFY. ANSWER_UNDECODABLE. */
export function decodeLookupdFields(answer: Buffer): LookupdFields {
  const fields = decodeFields(answer.toString("utf8"), lookupdTemplate);
  if (fields === undefined)
    throw lookupdWireErrors.ANSWER_UNDECODABLE({ answer: JSON.stringify(answer.toString("latin1", 0, 200)) });
  return fields;
}

/** The template with the values of the JSON object in `text`; undefined when Go would not decode it. */
function decodeFields<Fields extends object>(text: string, template: Fields): Fields | undefined {
  const fields = new Map<string, string | number>(Object.entries(template));
  const decoded = scanJsonObject(text, (key, json) => {
    const name = foldKey(key);
    const current = fields.get(name);
    if (current === undefined || json === "null") return true;
    const value = typeof current === "string" ? decodeJsonString(json) : decodeInteger(json);
    if (value === undefined) return false;
    fields.set(name, value);
    return true;
  });
  return decoded ? (Object.fromEntries(fields) as Fields) : undefined;
}

function decodeInteger(json: string): number | undefined {
  if (json.length > 20 || !/^-?\d+$/.test(json)) return undefined;
  const exact = BigInt(json);
  return BigInt.asIntN(64, exact) === exact ? Number(exact) : undefined;
}
