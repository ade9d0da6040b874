/** The rule that CONNECT, CONNACK and AUTH share: data of an authentication belongs to a method. */

import { mqttWireErrors } from "../errors.ts";
import { notEncodable } from "../field-writer.ts";

interface AuthenticationProperties {
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Buffer | undefined;
}

type PacketWithAuthentication = "CONNECT" | "CONNACK" | "AUTH";

const problem = "it has Authentication Data and no Authentication Method";

/** Throws PROTOCOL_ERROR (sections 3.1.2.11.10, 3.2.2.3.18 and 3.15.2.2.3). */
export function checkAuthenticationData(packet: PacketWithAuthentication, properties: AuthenticationProperties): void {
  if (hasDataAlone(properties)) throw mqttWireErrors.PROTOCOL_ERROR({ packet, problem });
}

/** The same before encoding. Throws NOT_ENCODABLE. */
export function checkEncodableAuthentication(
  packet: PacketWithAuthentication,
  properties: AuthenticationProperties,
): void {
  if (hasDataAlone(properties)) throw notEncodable(packet, problem);
}

function hasDataAlone({ authenticationMethod, authenticationData }: AuthenticationProperties): boolean {
  return authenticationData !== undefined && authenticationMethod === undefined;
}
