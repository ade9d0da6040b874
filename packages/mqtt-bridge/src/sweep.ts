/**
 * Packet identifiers of QoS 2 that a target may still know from a session that its source has lost. `relay.ts` says why.
 *
 * It lasts until each identifier was used once, or the target's session is gone too.
 */

const identifierCount = 65_536;

export class Sweep {
  /** One byte per identifier: 1 once it was released. Undefined: there is nothing to sweep. */
  #swept: Uint8Array | undefined;
  readonly #asked = new Set<number>();

  /** Said of both sessions when a link begins. */
  onLink(isSourceNew: boolean, isTargetNew: boolean): void {
    this.#asked.clear();
    if (isTargetNew) this.#swept = undefined;
    else if (isSourceNew) this.#swept = new Uint8Array(identifierCount);
  }

  /** Whether PUBREL is to go before this PUBLISH of QoS 2. */
  isDue(packetIdentifier: number, isDup: boolean): boolean {
    const swept = this.#swept;
    if (swept === undefined || swept[packetIdentifier] === 1) return false;
    swept[packetIdentifier] = 1;
    if (isDup) return false;
    this.#asked.add(packetIdentifier);
    return true;
  }

  /** Whether this PUBCOMP answers such a PUBREL. */
  isAnswer(packetIdentifier: number): boolean {
    return this.#asked.size > 0 && this.#asked.delete(packetIdentifier);
  }
}
