/** Who somebody is and what it may do. `Access` and `Principal`, which every protocol needs, are at the main door too. */

export { type Access, type AccessAction, allowAll, anonymous, type Principal } from "./access.ts";
export {
  type AuthenticationRefusal,
  type AuthenticationResult,
  type Authenticator,
  admitEverybody,
  type Credentials,
  isRefusal,
} from "./authenticator.ts";
export type { MessageHooks } from "./message-hooks.ts";
export { hashPassword, isPasswordHash } from "./password-hash.ts";
export { type PermissionAction, permissionActions, type User, Users } from "./users.ts";
