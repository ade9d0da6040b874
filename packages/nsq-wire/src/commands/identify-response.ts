/**
 * The reply to an IDENTIFY with feature_negotiation: compact JSON, keys in the order of `IdentifyResponse`. The
 * upgrades it grants follow in the order TLS, then snappy or deflate; each ends with one `OK` frame.
 *
 * It has no heartbeat_interval. The topology is the server's own, not the client's.
 */

import { nsqWireErrors } from "../errors.ts";
import { encodeGoJson } from "../go-json.ts";

/** With the wire's own keys. */
export interface IdentifyResponse {
  max_rdy_count: number;
  version: string;
  /** ms */
  max_msg_timeout: number;
  /** ms; the one in force. */
  msg_timeout: number;
  tls_v1: boolean;
  deflate: boolean;
  /** Also set when deflate is not granted. */
  deflate_level: number;
  max_deflate_level: number;
  snappy: boolean;
  sample_rate: number;
  auth_required: boolean;
  /** Bytes; 1 for none. */
  output_buffer_size: number;
  /** ms; 0 for off. */
  output_buffer_timeout: number;
  topology_region: string;
  topology_zone: string;
}

/** Types, and what a server that leaves a key out means. The order is the wire's. */
const absent: IdentifyResponse = {
  max_rdy_count: 0,
  version: "",
  max_msg_timeout: 0,
  msg_timeout: 0,
  tls_v1: false,
  deflate: false,
  deflate_level: 0,
  max_deflate_level: 0,
  snappy: false,
  sample_rate: 0,
  auth_required: false,
  output_buffer_size: 0,
  output_buffer_timeout: 0,
  topology_region: "",
  topology_zone: "",
};

/** The body of the response frame, whatever the order of keys in `fields`. */
export function encodeIdentifyResponse(fields: IdentifyResponse): Buffer {
  return Buffer.from(encodeGoJson({ ...absent, ...fields }), "utf8");
}

/** Reads the JSON reply in `bytes[start, end)`. Throws RESPONSE_UNDECODABLE. The plain reply is `OK`: test for it first. */
export function decodeIdentifyResponse(bytes: Buffer, start: number, end: number): IdentifyResponse {
  return decodeResponseFields("IDENTIFY", bytes.toString("utf8", start, end), absent);
}

/** Takes from the JSON object `text` the keys of `template`, each of the type it has there; others are ignored. */
export function decodeResponseFields<Fields extends object>(command: string, text: string, template: Fields): Fields {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw nsqWireErrors.RESPONSE_UNDECODABLE({ command }, cause);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw nsqWireErrors.RESPONSE_UNDECODABLE({ command });
  }
  const values = new Map<string, unknown>(Object.entries(found));
  const fields = { ...template };
  for (const key of Object.keys(template) as (keyof Fields & string)[]) {
    const value = values.get(key);
    if (value === undefined || value === null) continue;
    if (typeof value !== typeof template[key]) throw nsqWireErrors.RESPONSE_UNDECODABLE({ command });
    fields[key] = value as Fields[typeof key];
  }
  return fields;
}
