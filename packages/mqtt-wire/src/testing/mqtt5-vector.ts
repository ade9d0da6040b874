/** The shape of a test vector of MQTT 5, and how one is read. */

import type { mqttWireErrors } from "../errors.ts";
import { type PacketValues5, packetCodecs5 } from "../mqtt5/packet-codecs5.ts";
import type { PacketName } from "../packet-type.ts";
import type { StreamCodec } from "./read-stream.ts";

interface Vector5Base {
  /** A sentence about the packet `type`. */
  readonly name: string;
  /** As in `Vector`. */
  readonly hex: string;
  /** The id of the statement of MQTT 5 it shows, or the number of the section where the text has no id for it. */
  readonly clause: string;
}

interface ValidVector5<Name extends PacketName> extends Vector5Base {
  readonly type: Name;
  readonly value: PacketValues5[Name];
  /** False when other bytes say the same and the encoder writes those. Default true. */
  readonly canonical?: boolean;
}

export interface InvalidVector5 extends Vector5Base {
  readonly type: PacketName;
  readonly error: keyof (typeof mqttWireErrors)["table"];
}

export type AnyValidVector5 = { [Name in PacketName]: ValidVector5<Name> }[PacketName];
export type Vector5 = AnyValidVector5 | InvalidVector5;

/** The last argument of `valid` where other bytes say the same and the encoder writes those. */
export const notCanonical = false;

/** A row: the bytes and the value they stand for. */
export function valid<Name extends PacketName>(
  type: Name,
  clause: string,
  name: string,
  hex: string,
  value: PacketValues5[Name],
  canonical = true,
): AnyValidVector5 {
  return { type, clause, name, hex, value, canonical } as AnyValidVector5;
}

/** A row: the bytes and the error they give. */
export function invalid(
  type: PacketName,
  clause: string,
  name: string,
  hex: string,
  error: InvalidVector5["error"],
): InvalidVector5 {
  return { type, clause, name, hex, error };
}

export function isValidVector5(vector: Vector5): vector is AnyValidVector5 {
  return "value" in vector;
}

export const level5: StreamCodec = { protocolLevel: 5, decode: (name, reader) => packetCodecs5[name].decode(reader) };
