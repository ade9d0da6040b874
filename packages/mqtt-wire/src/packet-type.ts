/**
 * The packet types and what the fixed header may say for each, as data.
 *
 *     first byte:   7 6 5 4   3 2 1 0
 *                   type      flags       flags of PUBLISH: DUP, QoS (two bits), RETAIN
 *
 * Type 0 has no row: every version forbids it.
 */

/** The protocol levels a connection can speak: 3 is MQTT 3.1, 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
export type ProtocolLevel = 3 | 4 | 5;

export type QoS = 0 | 1 | 2;

export const packetTypes = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
  AUTH: 15,
} as const;

export type PacketName = keyof typeof packetTypes;
export type PacketType = (typeof packetTypes)[PacketName];

export interface PacketTypeRule {
  /** Who may send it; the reader does not check this, its owner knows which side it is. */
  readonly sentBy: "client" | "server" | "both";
  /** Who may send it in MQTT 5, where it differs. */
  readonly sentByLevel5?: "both";
  /** The first level that has it, where that is not 3. */
  readonly levelFirst?: ProtocolLevel;
  /** Every allowed value of the four flag bits. [MQTT-2.2.2-1] */
  readonly flags: readonly number[];
  /** Those MQTT 3.1 allows, where they differ: it sets DUP when it sends one of these again. */
  readonly flagsLevel3?: readonly number[];
}

/** No QoS 3 [MQTT-3.3.1-4], and no DUP at QoS 0 [MQTT-3.3.1-2]. */
const publishFlags = [0b0000, 0b0001, 0b0010, 0b0011, 0b0100, 0b0101, 0b1010, 0b1011, 0b1100, 0b1101];

export const packetTypeRules: Readonly<Record<PacketName, PacketTypeRule>> = {
  CONNECT: { sentBy: "client", flags: [0b0000] },
  CONNACK: { sentBy: "server", flags: [0b0000] },
  PUBLISH: { sentBy: "both", flags: publishFlags },
  PUBACK: { sentBy: "both", flags: [0b0000] },
  PUBREC: { sentBy: "both", flags: [0b0000] },
  PUBREL: { sentBy: "both", flags: [0b0010], flagsLevel3: [0b0010, 0b1010] }, // [MQTT-3.6.1-1]
  PUBCOMP: { sentBy: "both", flags: [0b0000] },
  SUBSCRIBE: { sentBy: "client", flags: [0b0010], flagsLevel3: [0b0010, 0b1010] }, // [MQTT-3.8.1-1]
  SUBACK: { sentBy: "server", flags: [0b0000] },
  UNSUBSCRIBE: { sentBy: "client", flags: [0b0010], flagsLevel3: [0b0010, 0b1010] }, // [MQTT-3.10.1-1]
  UNSUBACK: { sentBy: "server", flags: [0b0000] },
  PINGREQ: { sentBy: "client", flags: [0b0000] },
  PINGRESP: { sentBy: "server", flags: [0b0000] },
  DISCONNECT: { sentBy: "client", sentByLevel5: "both", flags: [0b0000] }, // [MQTT-3.14.1-1]
  AUTH: { sentBy: "both", flags: [0b0000], levelFirst: 5 }, // MQTT 5: [MQTT-3.15.1-1]
};

const packetNames = Object.keys(packetTypes) as PacketName[];
const namesByType = new Map<number, PacketName>(packetNames.map((name) => [packetTypes[name], name]));

/** The name of packet type `type`, or undefined for 0 and anything above 15. */
export function packetName(type: number): PacketName | undefined {
  return namesByType.get(type);
}

/**
 * Which first bytes `protocolLevel` allows: 256 entries, 1 for allowed. What the frame reader looks up per packet
 * instead of walking the rules.
 */
export function allowedFirstBytes(protocolLevel: ProtocolLevel): Uint8Array {
  const allowed = new Uint8Array(256);
  for (const name of packetNames) {
    const rule = packetTypeRules[name];
    if (rule.levelFirst !== undefined && protocolLevel < rule.levelFirst) continue;
    const flags = protocolLevel === 3 ? (rule.flagsLevel3 ?? rule.flags) : rule.flags;
    for (const value of flags) allowed[(packetTypes[name] << 4) | value] = 1;
  }
  return allowed;
}
