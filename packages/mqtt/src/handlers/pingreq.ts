/** PINGREQ: a sign of life, answered [MQTT-3.12.4-1]. */

import { decodePingreq, packetTypes, writePingresp } from "@polylog/mqtt-wire";
import type { ClientConnection } from "../client-connection.ts";

const pingrespSize = 2;

export function handlePingreq({ parts, reader, output }: ClientConnection): void {
  decodePingreq(reader.bytes, reader.bodyStart, reader.packetEnd);
  writePingresp(output.reserve(pingrespSize), output.reservedStart);
  output.commit(pingrespSize);
  parts.metrics.sent[packetTypes.PINGRESP].value++;
}
