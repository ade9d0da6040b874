/** The rule for log and channel names is NSQ's: 1 to 64 of `.a-zA-Z0-9_-`, the optional suffix `#ephemeral` included. */

const pattern = /^[.a-zA-Z0-9_-]+(#ephemeral)?$/;

export function isName(name: string): boolean {
  return name.length >= 1 && name.length <= 64 && pattern.test(name);
}
