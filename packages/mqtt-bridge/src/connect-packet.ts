/** The CONNECT that a bridge sends and the CONNACK that it gets, of any version. */

import { ByteWriter } from "@polylog/base/bytes";
import type { PolylogError } from "@polylog/base/errors";
import {
  connectReturnCodes,
  encodeConnect,
  encodedLengthOfRemainingLength,
  type FrameReader,
  type QoS,
} from "@polylog/mqtt-wire";
import { packetCodecs5, reasonCodeName } from "@polylog/mqtt-wire/mqtt5";
import { bridgeErrors } from "./errors.ts";

/**
 * `bridge`: 3.1.1 with the highest bit of its level set, by which mosquitto knows a bridge: it sends RETAIN as it was published
 * and nothing back to whom it came from. Others refuse it.
 */
export type BridgeLevel = "5" | "bridge" | "3.1.1";

export interface ConnectFields {
  readonly level: BridgeLevel;
  readonly clientId: string;
  /** The session that was there is given up, and the new one ends with the connection. */
  readonly isTransient: boolean;
  readonly userName: string | undefined;
  readonly password: Buffer | undefined;
  /** 0: none. */
  readonly keepAliveSeconds: number;
  readonly receiveMax: number;
  readonly packetSizeMax: number;
}

/** What the server allows. */
export interface ConnectedInfo {
  readonly sessionPresent: boolean;
  readonly keepAliveSeconds: number;
  readonly receiveMax: number;
  readonly packetSizeMax: number;
  readonly qosMax: QoS;
  readonly retainAvailable: boolean;
}

const neverExpires = 0xffff_ffff;
const bridgeBit = 0x80;
/** Of a fixed header, before the remaining length; of the protocol name "MQTT" with its length. */
const typeSize = 1;
const protocolNameSize = 6;
const unsupportedVersion = 0x84;
/** Flags and return code: MQTT 5 adds at least the length of its properties. */
const bodySizeBefore5 = 2;

export function connectBytes(fields: ConnectFields): Buffer {
  const { level, clientId, isTransient, keepAliveSeconds, userName, password } = fields;
  const writer = new ByteWriter(256);
  const common = { clientIdentifier: clientId, keepAliveSeconds, will: undefined, userName, password };
  if (level === "5") {
    const properties = {
      sessionExpiryInterval: isTransient ? 0 : neverExpires,
      receiveMaximum: fields.receiveMax,
      maximumPacketSize: fields.packetSizeMax,
    };
    packetCodecs5.CONNECT.encode(writer, { ...common, protocolLevel: 5, cleanStart: isTransient, properties });
    return writer.take();
  }
  encodeConnect(writer, { ...common, protocolLevel: 4, cleanSession: isTransient });
  const bytes = writer.take();
  if (level === "bridge") {
    const bodySize = bytes.length - typeSize - 1;
    const levelAt = typeSize + encodedLengthOfRemainingLength(bodySize) + protocolNameSize;
    bytes[levelAt] = bytes[levelAt]! | bridgeBit;
  }
  return bytes;
}

/**
 * The CONNACK `reader` stands on, if it accepts; what it refuses with as an error otherwise. A server that knows no MQTT 5
 * refuses it in the form of 3.1.1. Throws an error of `mqttWireErrors`.
 */
export function readConnack(reader: FrameReader, fields: ConnectFields, peer: string): ConnectedInfo | PolylogError {
  const { bytes, bodyStart, packetEnd } = reader;
  if (fields.level !== "5" || packetEnd - bodyStart === bodySizeBefore5)
    return readConnack3(bytes, bodyStart, fields, peer);
  const { sessionPresent, reasonCode, properties } = packetCodecs5.CONNACK.decode(reader);
  if (reasonCode === unsupportedVersion) return bridgeErrors.VERSION_REFUSED({ peer, version: "5" });
  if (reasonCode !== 0) {
    const name = reasonCodeName("CONNACK", reasonCode) ?? "unknown";
    const reason = properties.reasonString === undefined ? name : `${name}: ${properties.reasonString}`;
    return bridgeErrors.CONNECT_REFUSED({ peer, reason });
  }
  return {
    sessionPresent,
    keepAliveSeconds: properties.serverKeepAlive ?? fields.keepAliveSeconds,
    receiveMax: properties.receiveMaximum ?? 65_535,
    packetSizeMax: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    qosMax: (properties.maximumQos ?? 2) as QoS,
    retainAvailable: properties.retainAvailable ?? true,
  };
}

function readConnack3(bytes: Buffer, at: number, fields: ConnectFields, peer: string): ConnectedInfo | PolylogError {
  const returnCode = bytes[at + 1];
  if (returnCode !== connectReturnCodes.ACCEPTED || fields.level === "5") {
    if (returnCode === connectReturnCodes.UNACCEPTABLE_PROTOCOL_VERSION || returnCode === connectReturnCodes.ACCEPTED)
      return bridgeErrors.VERSION_REFUSED({
        peer,
        version: fields.level === "bridge" ? "3.1.1 for bridges" : fields.level,
      });
    return bridgeErrors.CONNECT_REFUSED({ peer, reason: returnCodeTexts[returnCode!] ?? `return code ${returnCode}` });
  }
  return {
    sessionPresent: (bytes[at]! & 1) === 1,
    keepAliveSeconds: fields.keepAliveSeconds,
    receiveMax: 65_535,
    packetSizeMax: Number.POSITIVE_INFINITY,
    qosMax: 2,
    retainAvailable: true,
  };
}

const returnCodeTexts: Readonly<Record<number, string>> = {
  [connectReturnCodes.IDENTIFIER_REJECTED]: "the client identifier is not allowed",
  [connectReturnCodes.SERVER_UNAVAILABLE]: "it is unavailable",
  [connectReturnCodes.BAD_USER_NAME_OR_PASSWORD]: "bad user name or password",
  [connectReturnCodes.NOT_AUTHORIZED]: "not authorized",
};
